//! A short soak: in half a minute under load, files, threads, tasks and executions stay as they are, and after the end
//! nothing is left. Memory is judged by a long one.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

use std::process::Command;

#[test]
fn half_a_minute_under_load_leaves_nothing_behind_and_nothing_grows() {
    let soak =
        Command::new(env!("CARGO_BIN_EXE_soak")).args(["--seconds", "30", "--rate", "60"]).output().unwrap();
    let said = String::from_utf8_lossy(&soak.stdout);
    assert!(soak.status.success(), "{said}\n{}", String::from_utf8_lossy(&soak.stderr));
    assert!(!said.contains("GROWS") && said.contains("flat   threads"), "{said}");
    println!("{said}");
}
