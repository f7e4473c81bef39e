//! The cost of decisions, in time and in allocations: the machine, the coalescer, templates, conditions, the check of a
//! plan. Measures code alone: no disk, no threads.
//!
//! `cargo bench -p updraft-kernel`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

mod coalescer;
mod loops;
mod machine;
mod plan;
mod sample;
mod text;

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Under callgrind, which counts a fixed load: docs/profiling.md.
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["instructions", number] => machine::executions(number.parse().unwrap()),
        _ => divan::main(),
    }
}
