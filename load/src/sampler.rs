//! The sampler: looks at the run at even intervals, from a thread of its own, and says how it goes. Keeps a
//! bounded number of samples: a long run has coarser ones.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use crate::Say;
use crate::outcome::{Sample, Seen, Waits};
use crate::process;
use crate::recorder::{Counted, Metrics};
use crate::workload::Workload;

/// How often threads are looked at: whether they wait for the disk. A look takes a third of a millisecond.
const LOOK: Duration = Duration::from_millis(20);
/// The finest sample.
const WINDOW: Duration = Duration::from_millis(100);
/// Samples that are kept; where there are more, each two become one.
const SAMPLES: usize = 600;
/// How often the sampler says how it goes.
const SAY: Duration = Duration::from_secs(1);
/// Phases that threads are told apart by, and one more for what is between them and behind.
const PHASES: usize = 17;
/// What is of no phase.
pub(crate) const BETWEEN: usize = PHASES - 1;

/// The sampler at work.
pub(crate) struct Sampler {
    phase: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Begins to look.
    pub(crate) fn start(
        work: Arc<Workload>,
        metrics: Metrics,
        names: Vec<&'static str>,
        say: Say,
    ) -> std::io::Result<Self> {
        let (phase, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let waits = (0..PHASES).map(|_| Waits::default()).collect();
        let seen = Arc::new(Mutex::new(Seen { samples: Vec::new(), waits }));
        let own = (phase.clone(), ended.clone(), seen.clone());
        let thread = std::thread::Builder::new().name("stress-sampler".to_owned()).spawn(move || {
            let (phase, ended, seen) = own;
            let mut look = Look::new(&metrics);
            while !ended.load(Ordering::Acquire) {
                std::thread::sleep(LOOK);
                let phase = phase.load(Ordering::Relaxed).min(PHASES - 1);
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                look.at_threads(&mut seen.waits[phase]);
                seen.waits[phase].store_full += u64::from(metrics.waiting().store_is_full);
                if let Some(sample) = look.at(&work, &metrics, phase) {
                    look.keep(&mut seen.samples, sample);
                    look.tell(sample, names.get(phase).copied().unwrap_or("between"), &say);
                }
            }
        })?;
        Ok(Self { phase, ended, seen, thread: Some(thread) })
    }

    /// A phase begins.
    pub(crate) fn enter(&self, phase: usize) {
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// Ends it; what it has seen.
    pub(crate) fn end(mut self) -> Seen {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A sampler that panicked has seen what it has seen.
            let _ = thread.join();
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Seen { samples: std::mem::take(&mut seen.samples), waits: std::mem::take(&mut seen.waits) }
    }
}

/// Where the last look was.
struct Look {
    began: Instant,
    last: Instant,
    said: Instant,
    window: Duration,
    counted: Counted,
}

impl Look {
    fn new(metrics: &Metrics) -> Self {
        let now = Instant::now();
        Self { began: now, last: now, said: now, window: WINDOW, counted: metrics.counted() }
    }

    fn at_threads(&self, waits: &mut Waits) {
        waits.looks += 1;
        for tid in process::on_disk() {
            *waits.on_disk.entry(tid).or_default() += 1;
        }
    }

    fn at(&mut self, work: &Workload, metrics: &Metrics, phase: usize) -> Option<Sample> {
        let now = Instant::now();
        let passed = now - self.last;
        if passed < self.window {
            return None;
        }
        let (counted, waiting) = (metrics.counted(), metrics.waiting());
        let since = counted.since(self.counted);
        (self.last, self.counted) = (now, counted);
        let per_s = |figure: &str| since.get(figure) as f64 / passed.as_secs_f64();
        Some(Sample {
            at_s: (now - self.began).as_secs_f64(),
            phase,
            submitted_per_s: per_s("submitted"),
            ended_per_s: per_s("ended"),
            submit_us: work.tally.submit.take(),
            execution_us: work.tally.execution.take(),
            in_flight: work.tally.in_flight.load(Ordering::Relaxed) as f64,
            resident_bytes: process::usage().map_or(0.0, |usage| usage.resident_bytes as f64),
            pending_documents: waiting.documents,
            commits_waiting: waiting.commits,
            attempts_running: waiting.attempts,
            batches_per_s: per_s("store.batches"),
            updates_per_s: per_s("store.updates"),
        })
    }

    fn keep(&mut self, samples: &mut Vec<Sample>, sample: Sample) {
        samples.push(sample);
        if samples.len() == SAMPLES {
            *samples = samples.chunks(2).map(joined).collect();
            self.window *= 2;
        }
    }

    fn tell(&mut self, sample: Sample, phase: &str, say: &Say) {
        // A long run says less.
        if sample.at_s < (self.said - self.began).as_secs_f64() + SAY.as_secs_f64().max(sample.at_s / 60.0) {
            return;
        }
        self.said = Instant::now();
        let millis = |(_, p99): (u64, u64)| format!(", p99 {:.1} ms", p99 as f64 / 1e3);
        say(&format!(
            "{:6.1}s  {phase:10} {:>8.0} executions/s ended, {:>7.0} in flight{}",
            sample.at_s,
            sample.ended_per_s,
            sample.in_flight,
            sample.execution_us.map(millis).unwrap_or_default()
        ));
    }
}

/// Two samples as one: rates on average, latencies at their worst.
fn joined(samples: &[Sample]) -> Sample {
    let [first, second] = samples else { return samples.first().copied().unwrap_or_default() };
    let worst = |a: Option<(u64, u64)>, b: Option<(u64, u64)>| match (a, b) {
        (Some(a), Some(b)) => Some((a.0.max(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
    Sample {
        submitted_per_s: f64::midpoint(first.submitted_per_s, second.submitted_per_s),
        ended_per_s: f64::midpoint(first.ended_per_s, second.ended_per_s),
        submit_us: worst(first.submit_us, second.submit_us),
        execution_us: worst(first.execution_us, second.execution_us),
        in_flight: first.in_flight.max(second.in_flight),
        resident_bytes: first.resident_bytes.max(second.resident_bytes),
        pending_documents: first.pending_documents.max(second.pending_documents),
        commits_waiting: first.commits_waiting.max(second.commits_waiting),
        attempts_running: first.attempts_running.max(second.attempts_running),
        batches_per_s: f64::midpoint(first.batches_per_s, second.batches_per_s),
        updates_per_s: f64::midpoint(first.updates_per_s, second.updates_per_s),
        ..*second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_samples_become_one_with_mean_rates_and_the_worst_latencies() {
        let first = Sample { at_s: 1.0, ended_per_s: 10.0, execution_us: Some((5, 90)), ..Sample::default() };
        let second = Sample { at_s: 2.0, ended_per_s: 30.0, execution_us: Some((7, 20)), ..first };
        let one = joined(&[first, second]);
        assert_eq!((one.at_s, one.ended_per_s, one.execution_us), (2.0, 20.0, Some((7, 90))));
        assert_eq!(joined(&[first]), first);
    }
}
