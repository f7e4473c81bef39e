//! Latency: one execution alone, acknowledgements under light load, many that wait for their tools, a wide
//! execution, and the start of an engine.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use updraft::{Durability, Engine};

use super::tell;
use crate::bench::{self, Bench, STEPS};
use crate::load::{self, SUBMITTERS};
use crate::table::quantile;
use crate::tool::Tool;

/// Executions alone of which quantiles are taken.
const ALONE: usize = 3_000;
/// How long arrivals come.
const ARRIVING: Duration = Duration::from_secs(8);
/// Starts and fans of which the median counts.
const TIMES: usize = 15;

async fn end(bench: Bench) {
    let _ = bench.engine.shutdown(Duration::from_secs(30)).await;
}

pub(super) async fn alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let bench = Bench::durable(directory.path(), Tool::Nothing).await;
    let mut took = Vec::with_capacity(ALONE);
    for number in 0..ALONE {
        let began = Instant::now();
        let handle = bench.engine.submit(bench.submission(number)).await.expect("accepted");
        handle.wait().await.expect("ended");
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    tell("alone.p50", quantile(&took, 0.5));
    tell("alone.p99", quantile(&took, 0.99));
    end(bench).await;
}

pub(super) async fn ack(executions: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let bench = Arc::new(Bench::durable(directory.path(), Tool::Nothing).await);
    let full = load::closed(&bench, executions / 2, SUBMITTERS).await.executions_per_s;
    let took = load::open(&bench, full / 5.0, ARRIVING).await;
    tell("ack.p50", quantile(&took, 0.5));
    tell("ack.p99", quantile(&took, 0.99));
    let _ = bench.engine.shutdown(Duration::from_secs(30)).await;
}

pub(super) async fn makespan() {
    for (executions, takes) in [(1_000, Duration::from_millis(20)), (10_000, Duration::from_millis(200))] {
        let directory = tempfile::tempdir().expect("a directory");
        let bench = Arc::new(Bench::durable(directory.path(), Tool::Takes(takes)).await);
        load::at_once(&bench, 16).await;
        let took = load::at_once(&bench, executions).await;
        let ideal = takes * STEPS as u32;
        tell(&format!("makespan.{executions}"), took.as_secs_f64() / ideal.as_secs_f64());
        let _ = bench.engine.shutdown(Duration::from_secs(30)).await;
    }
}

pub(super) async fn fanout() {
    // With the step that opens them, a thousand tasks: as many as a playbook may have steps.
    const WIDTH: usize = 999;
    let directory = tempfile::tempdir().expect("a directory");
    let builder = Engine::builder().data(directory.path()).durability(Durability::Fsync).tasks_at_once(WIDTH);
    let bench = Bench::of(builder, Tool::Takes(Duration::from_millis(20)), &bench::fan(WIDTH)).await;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        let handle = bench.engine.submit(bench.submission(0)).await.expect("accepted");
        handle.wait().await.expect("ended");
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    tell("fanout", quantile(&took, 0.5));
    end(bench).await;
}

pub(super) async fn start() {
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let directory = tempfile::tempdir().expect("a directory");
        let began = Instant::now();
        let engine = Engine::builder().data(directory.path()).start().await.expect("an engine");
        took.push(began.elapsed().as_secs_f64() * 1e3);
        let _ = engine.shutdown(Duration::from_secs(30)).await;
    }
    tell("start", quantile(&took, 0.5));
}
