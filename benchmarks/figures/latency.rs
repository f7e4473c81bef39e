//! Latency: one execution alone, many that wait for their tools, a wide execution, and the
//! start of an engine.

use std::time::Duration;

use tokio::time::Instant;
use updraft::Engine;
use updraft_load::{Latency, LoadOptions, median};

use crate::bench::{Bench, tell};

/// Executions alone of which quantiles are taken.
const ALONE: u64 = 3_000;
/// Makespans of which the median counts.
const MAKESPANS: usize = 5;
/// Starts and fans of which the median counts.
const TIMES: usize = 15;

pub(crate) async fn alone() {
    let bench = Bench::durable(&LoadOptions::default()).await;
    let meter = bench.closed(ALONE, 1).await;
    for (name, share) in [("alone.p50", 0.5), ("alone.p99", 0.99)] {
        tell(name, meter.execution.us(share).expect("it was measured") / 1e3);
    }
    bench.end().await;
}

pub(crate) async fn makespan() {
    for (executions, takes) in [(1_000, Duration::from_millis(20)), (10_000, Duration::from_millis(200))] {
        let options = LoadOptions { latency: Latency::Fixed(takes), ..LoadOptions::default() };
        let bench = Bench::durable(&options).await;
        bench.closed(16, 16).await;
        let ideal = (takes * u32::from(options.steps)).as_secs_f64();
        let mut took = Vec::new();
        for _ in 0..MAKESPANS {
            let began = Instant::now();
            bench.closed(executions.into(), executions).await;
            took.push(began.elapsed().as_secs_f64() / ideal);
            bench.flush().await;
        }
        tell(&format!("makespan.{executions}"), median(&took).expect("times"));
        bench.end().await;
    }
}

pub(crate) async fn fanout() {
    // With the step that opens them, a thousand tasks: as many as a playbook may have steps.
    let latency = Latency::Fixed(Duration::from_millis(20));
    let options = LoadOptions { width: 999, steps: 1, latency, ..LoadOptions::default() };
    let bench = Bench::durable(&options).await;
    let meter = bench.closed(TIMES as u64, 1).await;
    tell("fanout", meter.execution.us(0.5).expect("it was measured") / 1e3);
    bench.end().await;
}

pub(crate) async fn start() {
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let directory = tempfile::tempdir().expect("a directory");
        let began = Instant::now();
        let engine = Engine::builder().data(directory.path()).start().await.expect("an engine");
        took.push(began.elapsed().as_secs_f64() * 1e3);
        let _ = engine.shutdown(Duration::from_secs(30)).await;
    }
    tell("start", median(&took).expect("times"));
}
