//! The sampler: looks at the run again and again, from a thread of its own, and says how it goes. A long run has coarser
//! samples, so that their number is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;
use updraft::process;

use crate::Say;
use crate::outcome::{Sample, Seen};
use crate::recorder::{Counted, Metrics};
use crate::workload::Workload;

/// How often threads are looked at: whether they wait for the disk. A look takes a third of a millisecond.
const LOOK: Duration = Duration::from_millis(20);
/// The finest sample, and the part of the run so far that one is: of a week there are six thousand.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOWS: u32 = 600;
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
                    phase => look.at(&work, &metrics, phase, |sample| {
                        told(sample, names.get(phase).copied().unwrap_or("between"), &say);
                    }),
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
    counted: Counted,
    seen: Seen,
}

impl Look {
    fn new(metrics: &Metrics) -> Self {
        let now = Instant::now();
        Self { began: now, last: now, said_s: 0.0, counted: metrics.counted(), seen: Seen::default() }
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
        if passed < WINDOW.max((now - self.began) / WINDOWS) {
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
