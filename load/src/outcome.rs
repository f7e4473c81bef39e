//! What a run came to, phase by phase. Plain results: those that measure fill them in, those that judge and draw read them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft::limits::WRITE_TIMEOUT;

use crate::latencies::Meter;
use crate::process::Thread;
use crate::recorder::Counted;
use crate::reference::Column;
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
    pub(crate) cpu_s: Option<f64>,
    /// The share of the machine's cores that was busy.
    pub(crate) machine: Option<f64>,
    /// CPU seconds of each thread in this phase.
    pub(crate) threads: Vec<Thread>,
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

/// Why a run did not come to its end, other than by being interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The engine failed.
    Engine(String),
    /// The store takes nothing more.
    Store,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(why) => write!(f, "The engine did not do its work: {why}."),
            Self::Store => {
                write!(f, "The store took nothing of what waited for it for {} s.", STALLED.as_secs())
            }
        }
    }
}

/// The run in one window of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sample {
    /// Its end, in seconds of the run.
    pub(crate) at_s: f64,
    pub(crate) phase: usize,
    pub(crate) submitted_per_s: f64,
    pub(crate) ended_per_s: f64,
    /// Median and 99th percentile.
    pub(crate) submit_us: Option<(u64, u64)>,
    pub(crate) execution_us: Option<(u64, u64)>,
    pub(crate) in_flight: f64,
    pub(crate) resident_bytes: f64,
    pub(crate) pending_documents: f64,
    pub(crate) commits_waiting: f64,
    pub(crate) attempts_running: f64,
    pub(crate) batches_per_s: f64,
    pub(crate) updates_per_s: f64,
}

/// Of one phase: how often threads were looked at, how often each waited for the disk, and how often the store had as many
/// batches as may be on their way.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    pub(crate) looks: u64,
    pub(crate) store_full: u64,
    pub(crate) on_disk: BTreeMap<u32, u64>,
}

/// What the sampler has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) samples: Vec<Sample>,
    pub(crate) waits: Vec<Waits>,
}

/// What the reference came to.
#[derive(Default)]
pub(crate) struct Reference {
    /// As many as could be measured, in the order of [`COLUMNS`].
    pub(crate) columns: Vec<Column>,
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

    /// What was counted of a figure.
    pub(crate) fn count(&self, figure: &str) -> Option<f64> {
        Some(self.counted.get(figure) as f64)
    }

    /// The most that any moment had.
    pub(crate) fn most(&self, of: fn(&Sample) -> f64) -> Option<f64> {
        self.seen.samples.iter().map(of).reduce(f64::max)
    }
}

#[cfg(test)]
impl PhaseResult {
    /// A phase that came to nothing.
    pub(crate) fn testing(phase: Phase, lasted: Duration) -> Self {
        Self {
            phase,
            meter: Arc::new(Meter::new().unwrap()),
            began_s: 0.0,
            lasted,
            counted: Counted::default(),
            cpu_s: None,
            machine: None,
            threads: Vec::new(),
            rates: None,
            ideal: Duration::ZERO,
            in_flight: 0,
            pending: (0.0, 0.0),
            behind: None,
            drained: None,
        }
    }
}
