//! The sampler: looks at the run at even intervals, from a thread of its own, and says how it goes. Keeps a
//! bounded number of samples: a long run has coarser ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use crate::Say;
use crate::outcome::{Sample, Seen};
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
/// In place of a phase: between two of them, and at the end of the run.
pub(crate) const BETWEEN: usize = usize::MAX - 1;
const ENDED: usize = usize::MAX;

/// The sampler at work.
pub(crate) struct Sampler {
    phase: Arc<AtomicUsize>,
    thread: JoinHandle<Seen>,
}

impl Sampler {
    /// Begins to look, in the first phase.
    pub(crate) fn start(
        work: Arc<Workload>,
        metrics: Metrics,
        names: Vec<&'static str>,
        say: Say,
    ) -> std::io::Result<Self> {
        let phase = Arc::<AtomicUsize>::default();
        let entered = phase.clone();
        let thread = std::thread::Builder::new().name("stress-sampler".to_owned()).spawn(move || {
            let mut look = Look::new(&metrics);
            loop {
                std::thread::sleep(LOOK);
                match entered.load(Ordering::Relaxed) {
                    ENDED => return look.seen,
                    phase => {
                        let name = names.get(phase).copied().unwrap_or("between");
                        look.at(&work, &metrics, phase, |sample| told(sample, name, &say));
                    }
                }
            }
        })?;
        Ok(Self { phase, thread })
    }

    /// A phase begins.
    pub(crate) fn enter(&self, phase: usize) {
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// Ends it; what it has seen: nothing where it panicked.
    pub(crate) fn end(self) -> Seen {
        self.enter(ENDED);
        self.thread.join().unwrap_or_default()
    }
}

/// What was seen, and where the last look was.
struct Look {
    began: Instant,
    last: Instant,
    said_s: f64,
    window: Duration,
    counted: Counted,
    seen: Seen,
}

impl Look {
    fn new(metrics: &Metrics) -> Self {
        let now = Instant::now();
        let (window, counted) = (WINDOW, metrics.counted());
        Self { began: now, last: now, said_s: 0.0, window, counted, seen: Seen::default() }
    }

    fn at(&mut self, work: &Workload, metrics: &Metrics, phase: usize, say: impl FnOnce(Sample)) {
        // Only full load is asked what limits it.
        if phase == 0 {
            self.seen.looks += 1;
            for tid in process::on_disk() {
                *self.seen.on_disk.entry(tid).or_default() += 1;
            }
        }
        let (now, counted) = (Instant::now(), metrics.counted());
        let passed = now - self.last;
        if passed < self.window {
            return;
        }
        let ended = counted.since(self.counted).get("ended");
        (self.last, self.counted) = (now, counted);
        let sample = Sample {
            at_s: (now - self.began).as_secs_f64(),
            phase,
            ended_per_s: ended as f64 / passed.as_secs_f64(),
            submit_us: work.tally.submit.take().map(|(_, p99)| p99),
            execution_us: work.tally.execution.take(),
            in_flight: work.tally.in_flight.load(Ordering::Relaxed) as f64,
            resident_bytes: process::usage().map_or(0.0, |usage| usage.resident_bytes as f64),
            pending_documents: metrics.pending_documents(),
            attempts_running: metrics.gauge("updraft_attempts_running"),
        };
        self.seen.samples.push(sample);
        if self.seen.samples.len() == SAMPLES {
            self.seen.samples = self.seen.samples.chunks(2).map(joined).collect();
            self.window *= 2;
        }
        // A long run says less.
        if sample.at_s >= self.said_s + SAY.as_secs_f64().max(sample.at_s / 60.0) {
            self.said_s = sample.at_s;
            say(sample);
        }
    }
}

fn told(sample: Sample, phase: &str, say: &Say) {
    let Sample { at_s, ended_per_s, in_flight, execution_us, .. } = sample;
    let p99 = execution_us.map(|(_, p99)| format!(", p99 {:.1} ms", p99 / 1e3)).unwrap_or_default();
    say(&format!(
        "{at_s:6.1}s  {phase:10} {ended_per_s:>8.0} executions/s ended, {in_flight:>7.0} in flight{p99}"
    ));
}

/// Two samples as one: the rate on average, all else at its most.
fn joined(samples: &[Sample]) -> Sample {
    let [first, second] = samples else { return samples.first().copied().unwrap_or_default() };
    let later =
        |(p50, p99): (f64, f64)| second.execution_us.map_or((p50, p99), |(a, b)| (p50.max(a), p99.max(b)));
    Sample {
        ended_per_s: f64::midpoint(first.ended_per_s, second.ended_per_s),
        submit_us: first.submit_us.into_iter().chain(second.submit_us).reduce(f64::max),
        execution_us: first.execution_us.map(later).or(second.execution_us),
        in_flight: first.in_flight.max(second.in_flight),
        resident_bytes: first.resident_bytes.max(second.resident_bytes),
        pending_documents: first.pending_documents.max(second.pending_documents),
        attempts_running: first.attempts_running.max(second.attempts_running),
        ..*second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_samples_become_one_with_mean_rates_and_the_worst_latencies() {
        let first =
            Sample { at_s: 1.0, ended_per_s: 10.0, execution_us: Some((5.0, 90.0)), ..Sample::default() };
        let second = Sample { at_s: 2.0, ended_per_s: 30.0, execution_us: Some((7.0, 20.0)), ..first };
        let one = joined(&[first, second]);
        assert_eq!((one.at_s, one.ended_per_s, one.execution_us), (2.0, 20.0, Some((7.0, 90.0))));
        assert_eq!(joined(&[first]), first);
    }
}
