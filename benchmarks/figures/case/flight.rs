//! In flight: the memory of executions that wait for their tools.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::tell;
use crate::bench::Bench;
use crate::tool::{Tool, Waiting};
use crate::{load, process};

/// Executions in flight.
const IN_FLIGHT: usize = 100_000;

pub(super) async fn measure() {
    let directory = tempfile::tempdir().expect("a directory");
    let waiting = Arc::new(Waiting::default());
    let bench = Arc::new(Bench::durable(directory.path(), Tool::Waits(waiting.clone())).await);
    let before = process::resident();
    let handles = load::pile(&bench, IN_FLIGHT).await;
    while waiting.asked.load(Ordering::Acquire) < IN_FLIGHT {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.engine.flush().await.expect("stored");
    let after = process::resident();
    tell("flight", after as f64 / 1e6);
    tell("flight.each", after.saturating_sub(before) as f64 / IN_FLIGHT as f64);
    drop(handles);
    let _ = bench.engine.shutdown(Duration::ZERO).await;
}
