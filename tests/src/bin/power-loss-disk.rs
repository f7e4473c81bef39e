//! The process that keeps a power-loss disk: `power-loss disk SEED`, then orders, line by line. Decides nothing itself.

#![allow(clippy::print_stdout, reason = "its answers are what it is for")]

use std::io::{stdin, stdout};

fn main() {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok());
    match seed {
        Some(seed) => updraft_tests::power_loss_disk::serve(seed, stdin().lock(), stdout()),
        None => println!("failed a seed is needed"),
    }
}
