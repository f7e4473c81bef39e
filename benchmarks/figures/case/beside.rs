//! Beside: other ways to do the same, measured on the same machine in the same round.

use std::process::Command;

use super::{tell, throughput};

/// Requests at once, and seconds, for the peer.
const CONCURRENCY: &str = "256";
const SECONDS: &str = "7";

/// Status changes against those of one awaited write for each, as the program measures them.
pub(super) fn reference(updraft: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let json = directory.path().join("figures.json");
    let run = Command::new(updraft)
        .args(["stress", "--reference", "--duration", "20s", "--json"])
        .arg(&json)
        .output()
        .unwrap_or_else(|error| panic!("{updraft}: {error}; build it: cargo build --release -p updraft-cli"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(&json).expect("figures");
    let figures: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    tell("reference", figures["reference.ratio_status_changes"].as_f64().expect("a ratio"));
}

/// Durable steps against the peer's; which of the two is first does not matter to either.
pub(super) async fn peer(executions: usize, program: &str) {
    let run = Command::new(program).args([CONCURRENCY, SECONDS]).output().expect("the peer's program");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.contains("noop5") && line.contains(&format!("conc={CONCURRENCY}")))
        .unwrap_or_else(|| panic!("the peer gave no figure: {}", String::from_utf8_lossy(&run.stderr)));
    let theirs: f64 = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("steps/s="))
        .and_then(|number| number.parse().ok())
        .expect("steps/s");
    let ours = throughput::steps_per_s(executions).await;
    tell("peer.steps", theirs);
    tell("peer", ours / theirs);
}
