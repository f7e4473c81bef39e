//! The queue of a dry run: events in the order of their time, those of one instant in the order in which they came.

use std::collections::BTreeMap;

use updraft_kernel::machine::MachineEvent;
use updraft_protocol::Timestamp;

/// An event, and the number of the machine that it is for.
type Due = (usize, MachineEvent);

/// Events that are to come.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: BTreeMap<(Timestamp, u64), Due>,
    pushed: u64,
}

impl Queue {
    /// An event comes at this instant.
    pub(super) fn push(&mut self, at: Timestamp, due: Due) {
        self.pushed += 1;
        self.events.insert((at, self.pushed), due);
    }

    /// The next event with its instant.
    pub(super) fn pop(&mut self) -> Option<(Timestamp, Due)> {
        self.events.pop_first().map(|((at, _), due)| (at, due))
    }
}
