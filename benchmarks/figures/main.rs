//! The table of figures: what Updraft promises of its speed, each row measured in a process of its own, as often as
//! asked for, in turn; prints medians beside what is to be reached. `docs/benchmarks.md` records them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark ends where something fails, and prints its figures"
)]

mod bench;
mod case;
mod load;
mod options;
mod process;
mod row;
mod table;
mod tool;

use options::{Options, Told};
use table::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    match Options::read() {
        Ok(Told::Help) => println!("{}", options::USAGE),
        Ok(Told::Measure(options)) => measure(&options),
        Ok(Told::Case(name, arguments)) => case::run(&name, &arguments),
        Err(mistake) => {
            eprintln!("{mistake}");
            std::process::exit(2);
        }
    }
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
