//! An approval with bodies beside its wait, while it waits: when the next body begins, and how the approval ends. Opens no
//! scope, and ends no task.

use updraft_protocol::Timestamp;

use super::task::Ending;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asking {
    /// When its time is over.
    pub(super) until: Timestamp,
    /// The number of the next reminder, and when it is due.
    pub(super) reminder: Option<(u32, Timestamp)>,
    /// When it escalates, unless it has.
    pub(super) escalation: Option<Timestamp>,
    /// Its ending, once that is decided: it ends when the calls in its bodies have that are waited for.
    pub(super) ending: Option<Ending>,
}

impl Asking {
    /// The next instant at which something is due.
    pub(super) fn next_instant(&self) -> Option<Timestamp> {
        if self.ending.is_some() {
            return None;
        }
        let reminder = self.reminder.map(|(_, due)| due);
        [Some(self.until), reminder, self.escalation].into_iter().flatten().min()
    }

    /// It was cancelled, unless it was decided before.
    pub(super) fn leave(&mut self) {
        self.ending.get_or_insert(Ending::Cancelled);
    }
}
