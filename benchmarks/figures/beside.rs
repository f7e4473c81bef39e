//! Other ways to do the same, measured on the same machine in the same round.

use std::process::Command;
use std::time::Duration;

use updraft_load::{LoadOptions, Metrics, RunStore, Summary, run};

use crate::Options;
use crate::bench::{say, tell};
use crate::throughput::rate_of_durable;

/// Requests at once, and seconds, for the peer.
const CONCURRENCY: &str = "256";
const SECONDS: &str = "7";

/// Status changes against those of one awaited write for each, and latencies at a fifth of full load.
pub(crate) async fn reference() {
    let directory = tempfile::tempdir().expect("a directory");
    let options =
        LoadOptions { reference: true, duration: Some(Duration::from_secs(20)), ..LoadOptions::default() };
    let metrics = Metrics::install().expect("a recorder");
    let stop = std::future::pending();
    let run = run(&options, directory.path(), &RunStore::Embedded, metrics, stop, &say()).await;
    let figures = Summary::new(&options, &run.expect("a run").expect("an outcome"), &[]).figures;
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
pub(crate) async fn peer(options: &Options) {
    let program = options.peer.as_ref().expect("--peer");
    let run = Command::new(program).args([CONCURRENCY, SECONDS]).output().expect("the peer's program");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.contains("noop5") && line.contains(&format!("conc={CONCURRENCY}")))
        .unwrap_or_else(|| panic!("the peer gave no figure: {}", String::from_utf8_lossy(&run.stderr)));
    let theirs = line.split_whitespace().find_map(|word| word.strip_prefix("steps/s="));
    let theirs: f64 = theirs.and_then(|number| number.parse().ok()).expect("steps/s");
    let ours =
        rate_of_durable(options.executions).await.executions_per_s * f64::from(LoadOptions::default().steps);
    tell("peer.steps", theirs);
    tell("peer", ours / theirs);
}
