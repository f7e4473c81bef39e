//! Refusals: updates that the store refused for an unknown reason. Decides when that is the update's own fault and not
//! the store's; writes and drops nothing.

use std::collections::BTreeMap;

use updraft_protocol::limits::UNKNOWN_REFUSALS;
use updraft_protocol::{DocumentId, Update};

/// The updates that were refused; never more than there are documents that wait.
#[derive(Default)]
pub(super) struct Refusals {
    known: BTreeMap<DocumentId, Refused>,
    /// The number of updates that the store has taken.
    written: u64,
}

struct Refused {
    times: u32,
    /// The number that the store had taken when it first refused this one.
    written: u64,
}

impl Refusals {
    /// The store took so many more updates.
    pub(super) fn took(&mut self, updates: u64) {
        self.written += updates;
    }

    /// The store refused this update for an unknown reason.
    pub(super) fn refused(&mut self, document: DocumentId) {
        let written = self.written;
        let refused = self.known.entry(document).or_insert(Refused { times: 0, written });
        refused.times = refused.times.saturating_add(1);
    }

    /// This update had another result.
    pub(super) fn cleared(&mut self, document: DocumentId) {
        if !self.known.is_empty() {
            self.known.remove(&document);
        }
    }

    /// The updates of a batch that are at fault if they are refused once more, since others were written in the
    /// meantime; by index.
    pub(super) fn refused_too_often(&self, updates: &[Update]) -> Vec<usize> {
        if self.known.is_empty() {
            return Vec::new();
        }
        let refused_too_often = |update: &Update| {
            self.known.get(&update.document()).is_some_and(|refused| {
                refused.times + 1 >= UNKNOWN_REFUSALS && self.written > refused.written
            })
        };
        updates
            .iter()
            .enumerate()
            .filter(|(_, update)| refused_too_often(update))
            .map(|(place, _)| place)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::update;
    use super::*;

    #[test]
    fn what_is_refused_again_and_again_is_at_fault_only_where_others_are_written() {
        let (mut refusals, one) = (Refusals::default(), update(1, 1));
        let batch = [one.clone(), update(2, 1)];
        for _ in 0..3 * UNKNOWN_REFUSALS {
            refusals.refused(one.document());
            assert!(refusals.refused_too_often(&batch).is_empty(), "it may be the store");
        }
        refusals.took(1);
        assert_eq!(refusals.refused_too_often(&batch), [0]);
        refusals.cleared(one.document());
        for times in 1..UNKNOWN_REFUSALS {
            assert!(refusals.refused_too_often(&batch).is_empty(), "after {times}");
            refusals.refused(one.document());
            refusals.took(1);
        }
        assert_eq!(refusals.refused_too_often(&batch).len(), 1);
    }
}
