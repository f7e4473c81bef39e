//! Load: closed loops for throughput, arrivals that come due for latency, and all at once.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bench::{Bench, STEPS};
use crate::process::{self, Cpu};

/// Submitters of a closed loop.
pub(crate) const SUBMITTERS: usize = 512;

/// What a closed loop came to.
pub(crate) struct Rate {
    pub(crate) executions_per_s: f64,
    /// Of one step, in microseconds.
    pub(crate) cpu: Cpu,
    pub(crate) switches_per_step: f64,
}

impl Rate {
    /// Cores that were busy.
    pub(crate) fn cores(&self) -> f64 {
        self.cpu.all * STEPS as f64 * self.executions_per_s / 1e6
    }
}

/// A runtime for those who submit; its threads have a name, so that their CPU can be told apart.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("load")
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Submits, waits for the end, and again, until the store has everything.
pub(crate) async fn closed(bench: &Arc<Bench>, executions: usize, submitters: usize) -> Rate {
    let next = Arc::new(AtomicUsize::new(0));
    let (cpu, switches, began) = (Cpu::now(), process::switches(), Instant::now());
    let mut loops = JoinSet::new();
    for _ in 0..submitters {
        let (bench, next) = (bench.clone(), next.clone());
        loops.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= executions {
                    return;
                }
                let handle = bench.engine.submit(bench.submission(number)).await.expect("accepted");
                handle.wait().await.expect("ended");
            }
        });
    }
    while let Some(ended) = loops.join_next().await {
        ended.expect("no panic");
    }
    bench.engine.flush().await.expect("stored");
    let lasted = began.elapsed().as_secs_f64();
    let steps = (executions * STEPS) as f64;
    let used = Cpu::now().since(cpu);
    Rate {
        executions_per_s: executions as f64 / lasted,
        cpu: Cpu { all: used.all / steps, store: used.store / steps, load: used.load / steps },
        switches_per_step: (process::switches() - switches) as f64 / steps,
    }
}

/// Submits all at once and waits for all ends.
pub(crate) async fn at_once(bench: &Arc<Bench>, executions: usize) -> Duration {
    let began = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..executions {
        let bench = bench.clone();
        running.spawn(async move {
            let handle = bench.engine.submit(bench.submission(number)).await.expect("accepted");
            handle.wait().await.expect("ended");
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("no panic");
    }
    began.elapsed()
}

/// Submits until so many are in flight, few at a time: the memory of submitters is not that of executions.
pub(crate) async fn pile(bench: &Arc<Bench>, executions: usize) -> Vec<updraft::Handle> {
    const AT_ONCE: usize = 64;
    let next = Arc::new(AtomicUsize::new(0));
    let mut loops = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (bench, next) = (bench.clone(), next.clone());
        loops.spawn(async move {
            let mut handles = Vec::with_capacity(executions / AT_ONCE + 1);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= executions {
                    return handles;
                }
                handles.push(bench.engine.submit(bench.submission(number)).await.expect("accepted"));
            }
        });
    }
    let mut handles = Vec::with_capacity(executions);
    while let Some(own) = loops.join_next().await {
        handles.extend(own.expect("no panic"));
    }
    handles
}

/// Arrivals with random gaps at this rate; from the moment that each was due to its acknowledgement, in
/// microseconds.
pub(crate) async fn open(bench: &Arc<Bench>, per_second: f64, lasts: Duration) -> Vec<f64> {
    let (done, mut latencies) = tokio::sync::mpsc::channel(1 << 16);
    let (bench, runtime) = (bench.clone(), tokio::runtime::Handle::current());
    let sending = std::thread::spawn(move || {
        // Otherwise the system adds its 50 µs to every sleep.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).expect("a timer slack");
        let (began, mut due, mut random) = (Instant::now(), Duration::ZERO, 0x9e37_79b9_7f4a_7c15_u64);
        for number in 0.. {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = ((random >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            due += Duration::from_secs_f64(-share.ln() / per_second);
            if due > lasts {
                return;
            }
            if let Some(left) = due.checked_sub(began.elapsed()) {
                std::thread::sleep(left);
            }
            let (bench, done) = (bench.clone(), done.clone());
            runtime.spawn(async move {
                let handle = bench.engine.submit(bench.submission(number)).await.expect("accepted");
                done.send((began + due).elapsed().as_secs_f64() * 1e6).await.expect("heard");
                handle.wait().await.expect("ended");
            });
        }
    });
    let mut all = Vec::new();
    while let Some(latency) = latencies.recv().await {
        all.push(latency);
    }
    sending.join().expect("no panic");
    all
}
