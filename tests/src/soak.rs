//! The soak: an engine under an even load of everything that it can do, which rests now and then, and what it keeps
//! when it rests. What is too much is decided in `trend.rs`.

mod load;
mod sample;
mod trend;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use updraft::{Engine, Shutdown};
use updraft_load::Metrics;

use crate::timeouts::{TEST_TIMEOUT, soon, until};
use load::Load;
pub use sample::Sample;
pub use trend::{Band, Trend, judge};

/// So long that executions which wait for half a minute come and go evenly, and that memory says something.
pub const LONG: Duration = Duration::from_secs(480);
/// A tenth of the time is for warming up: caches fill.
const WARM: u32 = 10;

/// How it is to be.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long.
    pub time: Duration,
    /// Executions per second.
    pub rate: u32,
    /// How long it is loaded before it may rest.
    pub breath: Duration,
}

/// What was seen.
#[derive(Debug)]
pub struct SoakResult {
    /// At each rest after the warming up.
    pub samples: Vec<Sample>,
    /// Before the engine was started, and after it was dropped.
    pub around: (Sample, Sample),
    /// Executions that ended, by how.
    pub ended: String,
}

/// Loads the engine for one breath and waits until it rests: then what it keeps does not hang on how busy the machine
/// is. Says how much was in flight at most.
async fn load_once(
    load: &Arc<Load>,
    engine: &Arc<Engine>,
    options: Options,
    numbers: &mut impl Iterator<Item = u64>,
    metrics: &Metrics,
) -> usize {
    let (until_rest, mut most, mut running) = (Instant::now() + options.breath, 0, JoinSet::new());
    let mut due = tokio::time::interval(Duration::from_secs(1) / options.rate);
    while due.tick().await < until_rest {
        if running.len() < load::AT_ONCE
            && let Some(number) = numbers.next()
        {
            running.spawn(load.clone().one(engine.clone(), number));
        }
        while let Some(one) = running.try_join_next() {
            one.unwrap();
        }
        most = most.max(running.len());
    }
    while let Some(one) = soon(running.join_next()).await {
        one.unwrap();
    }
    soon(engine.flush()).await.unwrap();
    let rests = ["updraft_shard_executions", "updraft_store_pending_documents"];
    until(async || rests.iter().all(|gauge| metrics.gauge(gauge) == 0.0)).await;
    most
}

/// Runs one.
///
/// # Panics
/// The engine does not do what it should.
pub async fn run(options: Options, metrics: &Metrics) -> SoakResult {
    let folder = tempfile::tempdir().unwrap();
    let load = Arc::new(Load::start(options.time >= LONG).await);
    let before = Sample::take(Duration::ZERO, metrics);
    let engine =
        Arc::new(load.builder(Engine::builder().data(folder.path()).shards(2)).start().await.unwrap());
    load.put(&engine).await;
    let began = Instant::now();
    let (warm, end) = (began + options.time / WARM, began + options.time);
    let (mut samples, mut numbers) = (Vec::new(), 0_u64..);
    while Instant::now() < end {
        let most = load_once(&load, &engine, options, &mut numbers, metrics).await;
        let sample = Sample::take(began.elapsed(), metrics);
        println!("{sample}; {most} in flight before");
        if Instant::now() >= warm {
            samples.push(sample);
        }
    }
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
    let tally = &load.tally;
    let count = |which: &std::sync::atomic::AtomicU64| which.load(Ordering::Relaxed);
    let ended = format!(
        "{} executions ended: {} completed, {} failed, {} timed out, {} cancelled; {} reads",
        count(&tally.completed) + count(&tally.failed) + count(&tally.timed_out) + count(&tally.cancelled),
        count(&tally.completed),
        count(&tally.failed),
        count(&tally.timed_out),
        count(&tally.cancelled),
        count(&tally.reads)
    );
    drop(engine);
    // Its threads end when they have heard.
    until(async || Sample::take(Duration::ZERO, metrics).threads <= before.threads).await;
    let after = Sample::take(began.elapsed(), metrics);
    SoakResult { samples, around: (before, after), ended }
}
