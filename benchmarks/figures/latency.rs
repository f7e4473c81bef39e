//! Latency: one execution alone, acknowledgements under light load, many that wait for their tools, a wide execution, and the
//! start of an engine.

use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use updraft::Engine;
use updraft_load::{Latencies, Latency, Length, LoadOptions, Meter, Random, Rates, closed, median, open};

use crate::case::{durable, end, tell};

/// Executions alone of which quantiles are taken.
const ALONE: u64 = 3_000;
/// How long arrivals come.
const ARRIVING: Duration = Duration::from_secs(8);
/// Makespans of which the median counts.
const MAKESPANS: usize = 5;
/// Starts and fans of which the median counts.
const TIMES: usize = 15;
/// Syncs of a file of its own.
const SYNCS: usize = 2_000;

fn quantiles(name: &str, latencies: &Latencies, unit_us: f64) {
    for (quantile, share) in [("p50", 0.5), ("p99", 0.99)] {
        let value = latencies.quantile(share).expect("it was measured");
        tell(&format!("{name}.{quantile}"), value as f64 / unit_us);
    }
}

pub(crate) async fn alone() {
    let (work, _directory) = durable(&LoadOptions::default()).await;
    let meter = Arc::new(Meter::new().expect("a meter"));
    closed(&work, &meter, Length::Executions(ALONE), 1).await;
    quantiles("alone", &meter.execution, 1e3);
    end(&work).await;
}

pub(crate) async fn ack(executions: usize) {
    let (work, directory) = durable(&LoadOptions::default()).await;
    let meter = || Arc::new(Meter::new().expect("a meter"));
    let began = Instant::now();
    closed(&work, &meter(), Length::Executions(executions as u64), 512).await;
    work.engine.flush().await.expect("stored");
    let fifth = executions as f64 / began.elapsed().as_secs_f64() / 5.0;
    let (arriving, kept, runtime) = (work.clone(), meter(), tokio::runtime::Handle::current());
    let meter = kept.clone();
    let sending = std::thread::spawn(move || {
        let rates = Rates { from: fifth, to: fifth, flood: 0.0 };
        open(&arriving, &meter, Length::Time(ARRIVING), rates, &Random::new(1, 16), &runtime);
    });
    tokio::task::spawn_blocking(move || sending.join()).await.expect("a thread").expect("no panic");
    quantiles("ack", &kept.submit, 1.0);
    end(&work).await;
    sync(directory.path());
}

/// What a sync of this disk takes alone.
fn sync(directory: &Path) {
    let mut file = std::fs::File::create(directory.join("alone")).expect("a file");
    let latencies = Latencies::new().expect("a histogram");
    for _ in 0..SYNCS {
        file.rewind().expect("rewound");
        file.write_all(&[1; 512]).expect("written");
        let began = Instant::now();
        file.sync_data().expect("synced");
        latencies.record(began.elapsed());
    }
    quantiles("sync", &latencies, 1.0);
}

pub(crate) async fn makespan() {
    for (executions, takes) in [(1_000_u16, Duration::from_millis(20)), (10_000, Duration::from_millis(200))]
    {
        let options = LoadOptions { latency: Latency::Fixed(takes), ..LoadOptions::default() };
        let (work, _directory) = durable(&options).await;
        let meter = Arc::new(Meter::new().expect("a meter"));
        closed(&work, &meter, Length::Executions(16), 16).await;
        let ideal = (takes * u32::from(options.steps)).as_secs_f64();
        let mut took = Vec::new();
        for _ in 0..MAKESPANS {
            let began = Instant::now();
            closed(&work, &meter, Length::Executions(executions.into()), executions.into()).await;
            took.push(began.elapsed().as_secs_f64() / ideal);
            work.engine.flush().await.expect("stored");
        }
        tell(&format!("makespan.{executions}"), median(&took).expect("times"));
        end(&work).await;
    }
}

pub(crate) async fn fanout() {
    // With the step that opens them, a thousand tasks: as many as a playbook may have steps.
    let latency = Latency::Fixed(Duration::from_millis(20));
    let options = LoadOptions { width: 999, steps: 1, latency, ..LoadOptions::default() };
    let (work, _directory) = durable(&options).await;
    let meter = Arc::new(Meter::new().expect("a meter"));
    closed(&work, &meter, Length::Executions(TIMES as u64), 1).await;
    tell("fanout", meter.execution.quantile(0.5).expect("it was measured") as f64 / 1e3);
    end(&work).await;
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
