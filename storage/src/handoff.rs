//! The messages from the journal to the write-behind: groups of updates in the order of the journal, and barriers
//! between them. Owns their shapes; the queue between the two is the write-behind's.

use tokio::sync::OwnedSemaphorePermit;

use crate::callback::{Callback, Dropped};

pub use crate::callback::OnDone;
pub use updraft_kernel::writer::Group;

/// An append's share of the bound of the journal's queue, given back when the writer takes its group in; `None` for a
/// recovered group.
pub type Room = Option<OwnedSemaphorePermit>;

/// Why the store may not have everything before a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// The store did not take everything in time; the rest is in the journal.
    OutOfTime,
    /// The writer died.
    WriterGone,
}

impl From<Dropped> for NotStored {
    fn from(_: Dropped) -> Self {
        Self::WriterGone
    }
}

/// A request to be answered once everything before it is in the store.
pub struct Barrier {
    done: Callback<(), NotStored>,
    /// Whether this is the last message, which the store is to note before the answer.
    pub(crate) closing: bool,
}

impl Barrier {
    /// A barrier that calls `done` once; dropped unanswered, it calls it with an error.
    pub fn new(done: OnDone<(), NotStored>) -> Self {
        Self { done: Callback::new(done), closing: false }
    }

    /// The last barrier: the journal is closed after it.
    pub(crate) fn closing(done: OnDone<(), NotStored>) -> Self {
        Self { done: Callback::new(done), closing: true }
    }

    pub(crate) fn answer(self, outcome: Result<(), NotStored>) {
        self.done.give(outcome);
    }
}

/// A message to the writer.
pub enum Message {
    /// Groups with rising numbers, all higher than those sent before.
    Groups(Vec<Group<Room>>),
    /// To be answered when everything before it is in the store.
    Barrier(Barrier),
}
