//! What a run came to, phase by phase. Plain results: those that measure fill them in, those that judge and draw read them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use updraft::limits::WRITE_TIMEOUT;
use updraft::process::Used;

use crate::latencies::Meter;
use crate::recorder::Counted;
use crate::scenario::{Phase, Rates};

/// A store that takes nothing of what waits for so long takes nothing more: longer than one batch may take.
pub(crate) const STALLED: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(30));

/// The columns of the reference: executions at once, the column's name, and how its figures begin.
pub(crate) const COLUMNS: [(usize, &str, &str); 2] =
    [(1, "one at a time", "reference."), (10, "ten at a time", "reference.ten.")];

/// What one phase came to.
pub(crate) struct PhaseResult {
    pub(crate) phase: Phase,
    pub(crate) meter: Arc<Meter>,
    /// Seconds of the run at its begin.
    pub(crate) began_s: f64,
    /// Closed loops and piles: until the store has everything.
    pub(crate) lasted: Duration,
    pub(crate) counted: Counted,
    pub(crate) used: Used,
    /// Open loops: arrivals per second that were due.
    pub(crate) rates: Option<Rates>,
    /// What an execution takes on average where only its tools take time.
    pub(crate) ideal: Duration,
    /// Executions in flight at its end.
    pub(crate) in_flight: usize,
    /// Documents that waited for the store at its begin and at its end.
    pub(crate) pending: (f64, f64),
    /// Closed loops and piles: how long the store was behind when all had ended; none where it did not get all.
    pub(crate) behind: Option<Duration>,
    /// Piles: how many waited, and how long they took to end once tools answered.
    pub(crate) drained: Option<(usize, Duration)>,
}

impl PhaseResult {
    /// What a load came to of which nothing more is known.
    pub(crate) fn new(
        phase: Phase,
        meter: Arc<Meter>,
        lasted: Duration,
        counted: Counted,
        used: Used,
    ) -> Self {
        Self {
            phase,
            meter,
            began_s: 0.0,
            lasted,
            counted,
            used,
            rates: None,
            ideal: Duration::ZERO,
            in_flight: 0,
            pending: (0.0, 0.0),
            behind: None,
            drained: None,
        }
    }

    /// What was counted of a figure, per second.
    pub(crate) fn per_s(&self, figure: &str) -> f64 {
        self.of_time(self.counted.get(figure) as f64)
    }

    /// The same, where anything was.
    pub(crate) fn measured_per_s(&self, figure: &str) -> Option<f64> {
        Some(self.per_s(figure)).filter(|rate| *rate > 0.0)
    }

    /// Arrivals per second, as they were sent.
    pub(crate) fn arrivals_per_s(&self) -> f64 {
        let sent = self.meter.arrivals.load(Ordering::Relaxed) + self.counted.get("dropped");
        self.of_time(sent as f64)
    }

    /// What each second of the phase has of this.
    pub(crate) fn of_time(&self, sum: f64) -> f64 {
        sum / self.lasted.as_secs_f64().max(f64::EPSILON)
    }
}

/// Why a run did not come to its end, other than by being interrupted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// The engine failed.
    #[error("The engine did not do its work: {0}.")]
    Engine(String),
    /// The store takes nothing more.
    #[error("The store took nothing of what waited for it for {} s.", STALLED.as_secs())]
    Store,
}

/// The run in one window of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sample {
    /// Its end, in seconds of the run.
    pub(crate) at_s: f64,
    pub(crate) phase: usize,
    pub(crate) ended_per_s: f64,
    /// The 99th percentile of durable acknowledgements, and the median and the 99th percentile of executions.
    pub(crate) submit_us: Option<f64>,
    pub(crate) execution_us: Option<(f64, f64)>,
    pub(crate) in_flight: f64,
    pub(crate) resident_bytes: f64,
    pub(crate) pending_documents: f64,
    pub(crate) attempts_running: f64,
}

/// What the sampler has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) samples: Vec<Sample>,
    /// At full load: how often threads were looked at, and how often each waited for the disk.
    pub(crate) looks: u64,
    pub(crate) on_disk: BTreeMap<u32, u64>,
}

/// What the reference came to.
#[derive(Default)]
pub(crate) struct Reference {
    /// As many as could be measured, in the order of [`COLUMNS`].
    pub(crate) columns: Vec<PhaseResult>,
    /// Why there are no more.
    pub(crate) trouble: Option<String>,
}

/// What a run came to.
pub struct RunOutcome {
    pub(crate) phases: Vec<PhaseResult>,
    pub(crate) seen: Seen,
    pub(crate) counted: Counted,
    /// The mean time of reads that were asked beside the load.
    pub(crate) read_mean: Option<Duration>,
    /// How often was asked for an indicator, and how often the tool was called for that.
    pub(crate) enriched: Option<(u64, u64)>,
    /// Why the first submission was refused.
    pub(crate) first_error: Option<String>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) cpu_s: Option<f64>,
    pub(crate) resident_peak_bytes: Option<u64>,
    pub(crate) lasted: Duration,
    /// Executions that had not ended when the run stopped waiting for them.
    pub(crate) left: usize,
    /// Documents that the store had not got when the run stopped waiting for it.
    pub(crate) not_stored: u64,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// Whether the store is one that others load too.
    pub(crate) server: bool,
    /// The same load, executed without an engine; where it was asked for.
    pub(crate) reference: Option<Reference>,
}

impl RunOutcome {
    /// The phase that measured full load, where something ended in it and the store got all.
    pub(crate) fn full_load(&self) -> Option<&PhaseResult> {
        self.phases.first().filter(|end| end.counted.get("ended") > 0 && end.behind.is_some())
    }

    pub(crate) fn phase(&self, name: &str) -> Option<&PhaseResult> {
        self.phases.iter().find(|end| end.phase.name == name)
    }

    /// The most that any moment had of something: of all phases, or of one by its number.
    pub(crate) fn most(&self, phase: Option<usize>, of: fn(&Sample) -> f64) -> Option<f64> {
        let samples =
            self.seen.samples.iter().filter(|sample| phase.is_none_or(|phase| sample.phase == phase));
        samples.map(of).reduce(f64::max)
    }
}

#[cfg(test)]
impl PhaseResult {
    /// A phase that came to nothing.
    pub(crate) fn testing(phase: Phase, lasted: Duration) -> Self {
        Self::new(phase, Arc::new(Meter::new().unwrap()), lasted, Counted::default(), Used::default())
    }
}
