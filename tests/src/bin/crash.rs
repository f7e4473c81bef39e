//! The crash test as a program, for a night: `crash --kills 1000 --store sqlite|mongodb --seed N`. With `--power` its
//! processes lose power too; with `--faults` every second run has a disk or a store that fails. Says the seed and how
//! it goes; ends with an error, and keeps the data directory, where something does not hold.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use updraft_storage::mongo::testing::{Server, ServerOptions};
use updraft_tests::MongoProxy;
use updraft_tests::crash::{CrashTest, EMBEDDED, Environment, judge, seed};
use updraft_tests::power_loss_disk::PowerLossDisk;

/// Starts take less, with the embedded store and with MongoDB.
const OPENING: [Duration; 2] = [Duration::from_millis(14), Duration::from_millis(70)];
/// Executions for each kill, so that every run has work.
const EXECUTIONS: usize = 5;

struct Options {
    kills: usize,
    executions: Option<usize>,
    seed: u64,
    mongodb: bool,
    power: bool,
    faults: bool,
}

fn options() -> Result<Options, String> {
    let mut options =
        Options { kills: 1_000, executions: None, seed: seed(), mongodb: false, power: false, faults: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
        let number = |value: String| value.parse::<u64>().map_err(|error| format!("{value}: {error}"));
        let count = |value: String| number(value).map(|value| usize::try_from(value).unwrap_or(usize::MAX));
        match name.as_str() {
            "--kills" => options.kills = count(value()?)?.max(1),
            "--executions" => options.executions = Some(count(value()?)?.max(1)),
            "--seed" => options.seed = number(value()?)?,
            "--store" => {
                options.mongodb = match value()?.as_str() {
                    "sqlite" => false,
                    "mongodb" => true,
                    other => return Err(format!("--store {other}: sqlite or mongodb")),
                }
            }
            "--power" => options.power = true,
            "--faults" => options.faults = true,
            _ => {
                return Err(format!(
                    "{name}: --kills, --executions, --seed, --store, --power and --faults are"
                ));
            }
        }
    }
    Ok(options)
}

/// A program that was built with this one.
fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

/// The environment, and the server that it needs.
async fn environment(options: &Options) -> Result<(Environment, Option<Server>), String> {
    // Without a server of its own to trouble, the embedded store's disk is what fails.
    let power_loss_disk = options.power || (options.faults && !options.mongodb);
    let environment = if power_loss_disk {
        Environment::power_loss_disk(PowerLossDisk::new(beside("power-loss-disk"), options.seed)?)
    } else {
        Environment::folder(EMBEDDED)
    };
    let environment = environment.kept();
    if !options.mongodb {
        return Ok((environment, None));
    }
    let server = Server::start(ServerOptions { survives: true, ..ServerOptions::default() }).await;
    let proxy = MongoProxy::start(server.port()).await;
    Ok((environment.behind(proxy, "crash"), Some(server)))
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(mistake) => {
            println!("{mistake}");
            return ExitCode::from(2);
        }
    };
    let (environment, _server) = match environment(&options).await {
        Ok(environment) => environment,
        Err(reason) => {
            println!("nothing can be mounted here: {reason}");
            return ExitCode::from(2);
        }
    };
    let opening = OPENING[usize::from(options.mongodb)];
    let executions = options.executions.unwrap_or(options.kills * EXECUTIONS);
    let mut world = CrashTest::new(beside("crash-child"), environment, opening, options.seed).await;
    let stored = world.live(options.kills, executions, options.faults.then_some(2)).await;
    judge(&world, executions, &stored);
    println!(
        "held: accepted is durable, one execution for a key, one end, ended whole, steps in order, acted as asked, \
         never back, nothing lost, a tenant's own, a panic fails its attempt, shutdown drains"
    );
    ExitCode::SUCCESS
}
