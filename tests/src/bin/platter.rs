//! The process that keeps a platter: `platter SEED`, then orders, line by line. Decides nothing itself.

#![allow(clippy::print_stdout, reason = "its answers are what it is for")]

use std::io::{stdin, stdout};

fn main() {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok());
    match seed {
        Some(seed) => updraft_tests::platter::serve(seed, stdin().lock(), stdout()),
        None => println!("failed a seed is needed"),
    }
}
