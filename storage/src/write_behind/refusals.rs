//! Refusals: updates that the store refused for a reason that nobody knows. Decides when that is their own fault and
//! not the store's; writes nothing.

use std::collections::{HashMap, HashSet};

use updraft_protocol::limits::UNKNOWN_REFUSALS;
use updraft_protocol::{DocumentId, Update};

/// What is known of them: as much at the most as there are documents that wait.
#[derive(Default)]
pub(super) struct Refusals {
    known: HashMap<DocumentId, Suspicion>,
    /// Updates that the store has taken.
    written: u64,
}

struct Suspicion {
    refusals: u32,
    /// What the store had taken when it refused this one first.
    written: u64,
}

impl Refusals {
    /// The store took so many updates.
    pub(super) fn took(&mut self, updates: u64) {
        self.written += updates;
    }

    /// It refused this one for a reason that nobody knows.
    pub(super) fn refused(&mut self, document: DocumentId) {
        let written = self.written;
        let suspicion = self.known.entry(document).or_insert(Suspicion { refusals: 0, written });
        suspicion.refusals = suspicion.refusals.saturating_add(1);
    }

    /// Something else became of this one.
    pub(super) fn cleared(&mut self, document: DocumentId) {
        if !self.known.is_empty() {
            self.known.remove(&document);
        }
    }

    /// Those of a batch that are at fault, should they be refused once more: others were written meanwhile.
    pub(super) fn convicted(&self, updates: &[Update]) -> HashSet<DocumentId> {
        if self.known.is_empty() {
            return HashSet::new();
        }
        let convicted = |document: &DocumentId| {
            self.known.get(document).is_some_and(|suspicion| {
                suspicion.refusals + 1 >= UNKNOWN_REFUSALS && self.written > suspicion.written
            })
        };
        updates.iter().map(Update::document).filter(convicted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::update;

    #[test]
    fn who_is_refused_again_and_again_is_at_fault_only_where_others_are_written() {
        let (mut suspects, one) = (Refusals::default(), update(1, 1));
        let batch = [one.clone(), update(2, 1)];
        for _ in 0..3 * UNKNOWN_REFUSALS {
            suspects.refused(one.document());
            assert!(suspects.convicted(&batch).is_empty(), "it may be the store");
        }
        suspects.took(1);
        assert_eq!(suspects.convicted(&batch), HashSet::from([one.document()]));
        suspects.cleared(one.document());
        for refusals in 1..UNKNOWN_REFUSALS {
            assert!(suspects.convicted(&batch).is_empty(), "after {refusals}");
            suspects.refused(one.document());
            suspects.took(1);
        }
        assert_eq!(suspects.convicted(&batch).len(), 1);
    }
}
