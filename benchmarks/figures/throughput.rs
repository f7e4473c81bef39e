//! Throughput: durable, in memory, on one shard and on two.

use tokio::time::Instant;
use updraft_load::{LoadOptions, RunStore, median, process};

use crate::bench::{Bench, tell};

/// Pairs of runs of which the median counts.
pub(crate) const PAIRS: usize = 3;

/// What a closed loop came to. CPU is that of one step, in microseconds.
pub(crate) struct Rate {
    pub(crate) executions_per_s: f64,
    cpu: f64,
    cpu_of_store: f64,
}

/// CPU in microseconds of the threads whose names begin so.
fn used(name: &str) -> f64 {
    let threads = process::threads().into_iter().filter(|thread| thread.name.starts_with(name));
    threads.map(|thread| thread.cpu_s * 1e6).sum()
}

/// A closed loop of so many executions, until the store has everything, on an engine that is warm; and its directory.
pub(crate) async fn rate(
    options: &LoadOptions,
    directory: tempfile::TempDir,
    store: &RunStore,
    executions: u64,
) -> (Rate, tempfile::TempDir) {
    let bench = Bench::start(options, directory, store).await;
    bench.closed(executions / 10, options.concurrency).await;
    bench.flush().await;
    let looks = || [used(""), used("store-")];
    let (before, began) = (looks(), Instant::now());
    bench.closed(executions, options.concurrency).await;
    bench.flush().await;
    let lasted = began.elapsed().as_secs_f64();
    let steps = (executions * u64::from(options.steps)) as f64;
    let after = looks();
    let [cpu, cpu_of_store] = [0, 1].map(|of| (after[of] - before[of]) / steps);
    let rate = Rate { executions_per_s: executions as f64 / lasted, cpu, cpu_of_store };
    (rate, bench.end().await)
}

/// The same in a directory of its own.
pub(crate) async fn rate_alone(options: &LoadOptions, store: &RunStore, executions: u64) -> Rate {
    rate(options, tempfile::tempdir().expect("a directory"), store, executions).await.0
}

pub(crate) async fn rate_of_durable(executions: u64) -> Rate {
    rate_alone(&LoadOptions::default(), &RunStore::Embedded, executions).await
}

pub(crate) async fn durable(executions: u64) {
    let rate = rate_of_durable(executions).await;
    tell("durable", rate.executions_per_s);
    tell("cpu", rate.cpu);
    tell("cpu.engine", rate.cpu - rate.cpu_of_store);
}

pub(crate) async fn memory(executions: u64) {
    let options = LoadOptions::default();
    let rate = rate_alone(&options, &RunStore::Memory, executions).await;
    tell("memory", rate.executions_per_s * f64::from(options.steps));
}

pub(crate) async fn shards(executions: u64) {
    let (mut ratios, mut cores) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let [one, two] = [1, 2].map(|shards| LoadOptions { shards: Some(shards), ..LoadOptions::default() });
        let of_one = rate_alone(&one, &RunStore::Memory, executions).await;
        let of_two = rate_alone(&two, &RunStore::Memory, executions).await;
        ratios.push(of_two.executions_per_s / of_one.executions_per_s);
        // Cores that were busy.
        cores.push(of_one.cpu * f64::from(one.steps) * of_one.executions_per_s / 1e6);
    }
    tell("shards", median(&ratios).expect("pairs"));
    tell("shards.cores", median(&cores).expect("pairs"));
}
