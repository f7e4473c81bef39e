//! Detects, for each phase, that the store could not keep up, from the documents that waited for it.

use std::time::Duration;

use updraft::bottleneck::{self, full};
use updraft::limits::COALESCER_DOCUMENTS;

use crate::outcome::{PhaseResult, RunOutcome};
use crate::scenario::Load;

/// Lag is reported above this part of the phase's duration,
const MAX_LAG_OF_PHASE: f64 = 0.2;
/// and only above this, because batches alone cause some lag.
const MIN_LAG: Duration = Duration::from_millis(250);
/// In a shorter phase the store may not have written its first batch yet.
const MIN_PHASE_SECONDS: f64 = 1.0;

/// Warnings about the store: at most one for a phase, and one where documents were never stored.
pub(crate) fn found(outcome: &RunOutcome) -> Vec<String> {
    let phases = outcome.phases.iter().enumerate();
    let lag = phases.filter_map(|(number, end)| {
        let why = why(outcome, number)?;
        Some(format!("phase {}: the store cannot take this load: {why}.", end.phase.name))
    });
    let mut found: Vec<String> = lag.collect();
    if outcome.not_stored > 0 && !outcome.interrupted {
        let documents = outcome.not_stored;
        found.push(format!(
            "The store had not got {documents} documents when the run stopped waiting for it."
        ));
    }
    found
}

/// Why the store could not keep up with the phase of this number; none where it could.
pub(crate) fn why(outcome: &RunOutcome, phase: usize) -> Option<String> {
    let end = outcome.phases.get(phase)?;
    let most = outcome.most(Some(phase), |sample| sample.pending_documents).unwrap_or_default();
    behind(end).or_else(|| full(most, COALESCER_DOCUMENTS as f64)).or_else(|| growing(end))
}

/// The store finished too long after the last execution of the phase.
fn behind(end: &PhaseResult) -> Option<String> {
    let behind = end.behind.filter(|behind| *behind > end.lasted.mul_f64(MAX_LAG_OF_PHASE).max(MIN_LAG))?;
    let seconds = behind.as_secs_f64();
    Some(format!("it was {seconds:.1} s behind when the last execution had ended; rates count that time"))
}

/// Arrivals of an open loop do not slow down with the store: documents that wait at its end would become more.
fn growing(end: &PhaseResult) -> Option<String> {
    let Load::Open(_) = end.phase.load else { return None };
    let is_long = end.lasted.as_secs_f64() >= MIN_PHASE_SECONDS;
    is_long.then(|| bottleneck::growing(end.pending, end.per_s("store.updates"))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Counted;
    use crate::scenario::{Phase, Rates, THROUGHPUT};

    fn end(load: Load, seconds: u64) -> PhaseResult {
        PhaseResult::testing(Phase { name: THROUGHPUT, load, share: 0.5 }, Duration::from_secs(seconds))
    }

    #[test]
    fn a_store_is_behind_by_a_share_of_the_phase_and_by_more_than_its_batches_wait() {
        let behind = |seconds, millis| {
            let behind = Some(Duration::from_millis(millis));
            super::behind(&PhaseResult { behind, ..end(Load::Closed, seconds) }).is_some()
        };
        assert!(behind(10, 2_100) && !behind(10, 1_900));
        assert!(behind(1, 300) && !behind(0, 200));
    }

    #[test]
    fn what_waits_at_the_end_of_an_open_loop_is_measured_by_the_work_of_the_store() {
        let open = Load::Open(Rates { from: 1.0, to: 1.0, flood: 0.0 });
        let mut slow = end(open, 10);
        // Five hundred in a second.
        slow.counted = Counted::testing("store.updates", 5_000);
        slow.pending = (0.0, 600.0);
        assert!(growing(&slow).is_some_and(|said| said.contains("1.2 s")));
        slow.pending = (700.0, 600.0);
        assert_eq!(growing(&slow), None, "it catches up");
        slow.pending = (0.0, 400.0);
        assert_eq!(growing(&slow), None);
    }
}
