//! The table of figures: what Updraft promises of its speed, each case measured in a process of its own, as often as asked
//! for, in turn; prints medians beside what is to be reached. `docs/benchmarks.md` records them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark ends where something fails, and prints its figures"
)]

mod beside;
mod case;
mod latency;
mod memory;
mod stored;
mod table;
mod throughput;

use table::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
cargo bench -p updraft-benchmarks --bench figures -- [CASE]... [OPTIONS]

cases: durable memory alone ack makespan flight fanout restart stored reads shards start reference peer
       (all of them where none is named; peer where --peer is given)

  --rounds N       rounds, in turn; medians are printed (1)
  --executions N   executions of a closed loop (100000)
  --updraft FILE   the program, for `reference` (target/release/updraft)
  --peer FILE      a program that measures a peer: called with concurrency and seconds, it prints lines with
                   `noop5`, `conc=N` and `steps/s=N`";

/// What is measured.
pub(crate) struct Options {
    rounds: usize,
    cases: Vec<String>,
    pub(crate) executions: usize,
    pub(crate) updraft: Option<String>,
    pub(crate) peer: Option<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--case", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return case::run(rest);
    }
    // Without `--bench` nothing is measured: whoever runs all targets as tests does not wait for it.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("{USAGE}");
    }
    match read(arguments.into_iter().filter(|argument| argument != "--bench")) {
        Ok(options) => measure(&options),
        Err(mistake) => {
            eprintln!("{mistake}\n\n{USAGE}");
            std::process::exit(2);
        }
    }
}

fn read(mut given: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { rounds: 1, cases: Vec::new(), executions: 100_000, updraft: None, peer: None };
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{argument} needs a number"));
        match argument.as_str() {
            "--rounds" => options.rounds = number(value()?)?,
            "--executions" => options.executions = number(value()?)?,
            "--updraft" => options.updraft = Some(value()?),
            "--peer" => options.peer = Some(value()?),
            case if case::NAMES.contains(&case) => options.cases.push(argument),
            _ => return Err(format!("{argument}: no case, and no option")),
        }
    }
    if options.cases.is_empty() {
        let named = case::NAMES.iter().filter(|name| **name != "peer" || options.peer.is_some());
        options.cases = named.map(ToString::to_string).collect();
    }
    Ok(options)
}

/// All cases asked for, one after the other, round after round.
fn measure(options: &Options) {
    let mut table = Table::default();
    for round in 1..=options.rounds {
        for case in &options.cases {
            eprintln!("round {round} of {}: {case}", options.rounds);
            for (name, value) in case::in_child(case, options) {
                table.add(name, value);
            }
        }
    }
    println!("{}", table.text());
}
