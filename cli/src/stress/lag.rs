//! Whether the store cannot take a load: from what waited for it, in each phase. Judges nothing else.

use updraft::limits::COALESCER_DOCUMENTS;

use crate::stress::run::{Outcome, PhaseEnd};
use crate::stress::sampler::Sample;
use crate::stress::scenario::Load;

/// The store is behind by as much of a phase before it is told.
const BEHIND: f64 = 0.2;
/// So much of what may wait is as good as all of it.
const FULL: f64 = 0.95;
/// Less than this share of what may wait is a ripple.
const RIPPLE: f64 = 0.05;
/// Seconds of writing that may wait at the end of an open loop.
const SECONDS: f64 = 1.0;

/// What is to be told of the store, a sentence for each phase that it could not take.
pub(crate) fn found(outcome: &Outcome) -> Vec<String> {
    let phases = outcome.phases.iter().enumerate();
    let mut found: Vec<String> = phases
        .filter_map(|(number, end)| {
            let samples = || outcome.seen.samples.iter().filter(move |sample| sample.phase == number);
            let why = behind(end).or_else(|| full(samples())).or_else(|| growing(end, samples()))?;
            Some(format!("phase {}: the store cannot take this load: {why}.", end.phase.name))
        })
        .collect();
    if outcome.not_stored > 0 && !outcome.interrupted {
        let documents = outcome.not_stored;
        found
            .push(format!("The store had not got {documents} documents when nobody waited for it any more."));
    }
    found
}

fn behind(end: &PhaseEnd) -> Option<String> {
    let behind = end.behind.map(|behind| behind.as_secs_f64())?;
    (behind > end.lasted.as_secs_f64() * BEHIND).then(|| {
        format!("it was {behind:.1} s behind when the last execution had ended; rates count that time")
    })
}

fn full<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<String> {
    let most = samples.map(|sample| sample.pending_documents).fold(0.0, f64::max);
    (most >= COALESCER_DOCUMENTS as f64 * FULL).then(|| {
        format!("{most:.0} documents waited for it, as many as may; the journal, and with it submissions, waited too")
    })
}

/// An open loop does not wait for the store: what waits at its end would have grown on.
fn growing<'a>(end: &PhaseEnd, samples: impl Iterator<Item = &'a Sample>) -> Option<String> {
    if !matches!(end.phase.load, Load::Open { .. }) {
        return None;
    }
    let samples: Vec<&Sample> = samples.collect();
    let (first, last) = samples.first().zip(samples.last())?;
    let per_s = samples.iter().map(|sample| sample.updates_per_s).sum::<f64>() / samples.len() as f64;
    let (before, after) = (first.pending_documents, last.pending_documents);
    let least = (per_s * SECONDS).max(COALESCER_DOCUMENTS as f64 * RIPPLE);
    (after > before && after > least).then(|| {
        format!("{after:.0} documents waited for it at the end, {:.1} s of its work", after / per_s.max(1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(pending: f64, updates: f64) -> Sample {
        Sample { pending_documents: pending, updates_per_s: updates, ..Sample::default() }
    }

    #[test]
    fn a_store_with_as_much_before_it_as_may_be_is_told() {
        let most = COALESCER_DOCUMENTS as f64;
        assert_eq!(full([sample(most * 0.5, 1.0)].iter()), None);
        assert!(
            full([sample(most, 1.0), sample(0.0, 1.0)].iter()).is_some_and(|said| said.contains("as many"))
        );
    }
}
