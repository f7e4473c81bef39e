//! The cost of durability: appends to the journal, and batches to the embedded store. Writes to a disk: the figures are
//! those of the folder for temporary files (`TMPDIR`).
//!
//! `cargo bench -p updraft-storage`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

mod journal;
#[path = "../../../kernel/benches/decisions/sample.rs"]
mod sample;
mod sqlite;

fn main() {
    divan::main();
}
