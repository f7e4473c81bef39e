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

mod bench;
mod beside;
mod case;
mod latency;
mod memory;
mod resume;
mod stored;
mod table;
mod throughput;

use std::path::PathBuf;

use clap::Parser;
use table::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures figures of the whole engine.
#[derive(Parser)]
pub(crate) struct Options {
    /// Cases: all of them where none is named, `peer` where a program is given for it.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(case::NAMES.split(' ')))]
    cases: Vec<String>,
    /// Rounds, in turn; medians are printed.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Executions of a closed loop.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) executions: u64,
    /// Executions of a store that is full.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) stored: u64,
    /// The store of `reads`: `embedded`, or the address of a MongoDB server.
    #[arg(long, default_value = "embedded")]
    pub(crate) store: String,
    /// A program that measures a peer: called with concurrency and seconds, it prints lines
    /// with `noop5`, `conc=N` and `steps/s=N`.
    #[arg(long)]
    pub(crate) peer: Option<String>,
    /// The case that this process measures.
    #[arg(long, hide = true)]
    case: Option<String>,
    /// The directory of a process that a case starts beside it.
    #[arg(long, hide = true)]
    pub(crate) data: Option<PathBuf>,
    /// Without it nothing is measured: whoever runs all targets as tests does not wait for it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let mut options = Options::parse();
    if let Some(case) = &options.case {
        return case::run(case, &options);
    }
    if options.cases.is_empty() {
        let named = case::NAMES.split(' ').filter(|name| *name != "peer" || options.peer.is_some());
        options.cases = named.map(str::to_owned).collect();
    }
    if !options.bench {
        return;
    }
    // All cases asked for, one after the other, round after round.
    let mut table = Table::default();
    for round in 1..=options.rounds {
        for case in &options.cases {
            eprintln!("round {round} of {}: {case}", options.rounds);
            case::in_child(case).into_iter().for_each(|(name, value)| table.add(name, value));
        }
    }
    println!("{}", table.text());
}
