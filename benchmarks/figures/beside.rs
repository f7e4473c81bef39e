//! Other ways to do the same, measured on the same machine in the same round.

use std::process::Command;

use updraft_load::{Figures, LoadOptions};

use crate::bench::tell;
use crate::throughput::rate_of_durable;

/// Requests at once, and seconds, for the peer.
const CONCURRENCY: &str = "256";
const SECONDS: &str = "7";

/// Status changes against those of one awaited write for each, and latencies at a fifth of full load, as the program measures
/// them.
pub(crate) fn reference(updraft: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let json = directory.path().join("figures.json");
    let run = Command::new(updraft)
        .args(["stress", "--reference", "--duration", "20s", "--json"])
        .arg(&json)
        .output()
        .unwrap_or_else(|error| panic!("{updraft}: {error}; build it: cargo build --release -p updraft-cli"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let figures = Figures::parse(&std::fs::read_to_string(&json).expect("figures")).expect("figures");
    for (name, figure) in [
        ("reference", "reference.ratio_status_changes"),
        ("ack.p50", "submit_p50_us"),
        ("ack.p99", "submit_p99_us"),
        ("executions.p95", "execution_p95_ms"),
    ] {
        tell(name, figures.get(figure).expect("it was measured"));
    }
}

/// Durable steps against the peer's; which of the two is first does not matter to either.
pub(crate) async fn peer(executions: u64, program: &str) {
    let run = Command::new(program).args([CONCURRENCY, SECONDS]).output().expect("the peer's program");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.contains("noop5") && line.contains(&format!("conc={CONCURRENCY}")))
        .unwrap_or_else(|| panic!("the peer gave no figure: {}", String::from_utf8_lossy(&run.stderr)));
    let theirs = line.split_whitespace().find_map(|word| word.strip_prefix("steps/s="));
    let theirs: f64 = theirs.and_then(|number| number.parse().ok()).expect("steps/s");
    let ours = rate_of_durable(executions).await.executions_per_s * f64::from(LoadOptions::default().steps);
    tell("peer.steps", theirs);
    tell("peer", ours / theirs);
}
