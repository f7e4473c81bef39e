//! The soak as a program: `soak --minutes 30`, or `--seconds 40`, with `--rate` executions per second. Ends with an
//! error where what the process keeps grows.
//!
//! Memory is judged where it runs for eight minutes or longer: before, caches still fill.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the run")]

use std::process::ExitCode;
use std::time::Duration;

use updraft_load::Metrics;
use updraft_tests::soak::{Band, LONG, Options, Sample, SoakResult, Trend, judge, run};

/// What the page caches of the embedded store may still take, and what an allocator keeps.
const MEMORY: Band = Band { share: 0.1, beside: 16.0 * 1_048_576.0 };
/// Connections to the tools that are kept open, each with two ends here, of 20 at most.
const FILES: Band = Band { share: 0.0, beside: 42.0 };
/// Nothing is left of what was run; a connection may have a task.
const NOTHING: Band = Band { share: 0.0, beside: 0.0 };
const TASKS: Band = Band { share: 0.0, beside: 42.0 };
/// Threads: those of the engine are as many as ever; those that a runtime keeps for what blocks come and go.
const STAYS: Band = Band { share: 0.0, beside: 4.0 };

fn options() -> Result<Options, String> {
    let mut options =
        Options { time: Duration::from_secs(1_800), rate: 200, breath: Duration::from_secs(60) };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u32>().ok()).filter(|value| *value > 0);
        let value = value.ok_or_else(|| format!("{name} wants a number"))?;
        match name.as_str() {
            "--minutes" => options.time = Duration::from_secs(60) * value,
            "--seconds" => options.time = Duration::from_secs(1) * value,
            "--rate" => options.rate = value,
            _ => return Err(format!("{name} is not known: --minutes, --seconds, --rate")),
        }
    }
    options.breath = options.breath.min(options.time / 15);
    Ok(options)
}

fn verdicts(options: Options, seen: &SoakResult) -> Vec<Trend> {
    let samples = &seen.samples;
    let of = |name: &str, of: fn(&Sample) -> f64, band: Band| judge(name, samples, of, band);
    let mut verdicts = vec![
        of("files", |sample| sample.files, FILES),
        of("threads", |sample| sample.threads, STAYS),
        of("tasks", |sample| sample.tasks, TASKS),
        of("in flight", |sample| sample.in_flight, NOTHING),
        of("executions of shards", |sample| sample.of_shards, NOTHING),
        of("documents pending", |sample| sample.pending, NOTHING),
        of("segments", |sample| sample.segments, NOTHING),
    ];
    if options.time >= LONG {
        verdicts.push(of("resident bytes", |sample| sample.resident_bytes, MEMORY));
    }
    let (before, after) = seen.around;
    let left = format!(
        "after the end: {} files and {} threads, before the start {} and {}",
        after.files, after.threads, before.files, before.threads
    );
    let gone = after.threads <= before.threads && after.files <= before.files + IDLE_CONNECTIONS;
    verdicts.push(if gone { Trend::Flat(left) } else { Trend::Grows(left) });
    verdicts
}

/// Connections of the tools' own server that have not noticed yet.
const IDLE_CONNECTIONS: f64 = 8.0;

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(mistake) => {
            println!("{mistake}");
            return ExitCode::from(2);
        }
    };
    println!("{options:?}");
    let metrics = Metrics::install().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let seen = runtime.block_on(run(options, &metrics));
    println!("{}", seen.ended);
    let mut code = ExitCode::SUCCESS;
    for verdict in verdicts(options, &seen) {
        match verdict {
            Trend::Flat(said) => println!("flat   {said}"),
            Trend::Grows(said) => {
                println!("GROWS  {said}");
                code = ExitCode::FAILURE;
            }
            Trend::TooShort => {
                println!("the run is too short to be judged");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
