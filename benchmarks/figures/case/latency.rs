//! Latency: one execution alone, acknowledgements under light load, many that wait for their tools, a wide
//! execution, and the start of an engine.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
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
/// Makespans of which the median counts.
const MAKESPANS: usize = 5;
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
    let syncs = syncs(directory.path());
    tell("sync.p50", quantile(&syncs, 0.5));
    tell("sync.p99", quantile(&syncs, 0.99));
}

/// What the disk takes to sync a small write into a file of known length, alone, in microseconds.
fn syncs(directory: &Path) -> Vec<f64> {
    const WRITES: usize = 2_000;
    let mut file = File::create(directory.join("bare")).expect("a file");
    file.write_all(&vec![0; WRITES * 512]).expect("written");
    file.sync_all().expect("synced");
    file.rewind().expect("at its beginning");
    let sync = |_| {
        let began = Instant::now();
        file.write_all(&[1; 512]).expect("written");
        file.sync_data().expect("synced");
        began.elapsed().as_secs_f64() * 1e6
    };
    (0..WRITES).map(sync).collect()
}

pub(super) async fn makespan() {
    for (executions, takes) in [(1_000, Duration::from_millis(20)), (10_000, Duration::from_millis(200))] {
        let directory = tempfile::tempdir().expect("a directory");
        let bench = Arc::new(Bench::durable(directory.path(), Tool::Takes(takes)).await);
        load::at_once(&bench, 16).await;
        let ideal = (takes * STEPS as u32).as_secs_f64();
        let mut took = Vec::new();
        for _ in 0..MAKESPANS {
            took.push(load::at_once(&bench, executions).await.as_secs_f64() / ideal);
            bench.engine.flush().await.expect("stored");
        }
        tell(&format!("makespan.{executions}"), quantile(&took, 0.5));
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
