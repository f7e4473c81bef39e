//! What the journal hands to the write-behind: groups of updates in the order of the journal, and barriers between
//! them. Owns their shapes; the queue between the two is the write-behind's.

use tokio::sync::OwnedSemaphorePermit;

use crate::callback::{Callback, Dropped};

pub use crate::callback::OnDone;
pub use updraft_kernel::writer::Group;

/// An append's place in the bound of the journal's queue, given back when the writer takes its group in; a group that was
/// recovered has none.
pub type Room = Option<OwnedSemaphorePermit>;

/// Why the store may not have everything that came before a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// It did not take it in time; it is in the journal.
    OutOfTime,
    /// The writer died.
    WriterGone,
}

impl From<Dropped> for NotStored {
    fn from(_: Dropped) -> Self {
        Self::WriterGone
    }
}

/// A question: when is everything that came before this in the store?
pub struct Barrier {
    done: Callback<(), NotStored>,
    /// Whether nothing follows, which the store is to note before the answer.
    pub(crate) closing: bool,
}

impl Barrier {
    /// A barrier that calls `done` once; dropped unanswered, it calls it with an error.
    pub fn new(done: OnDone<(), NotStored>) -> Self {
        Self { done: Callback::new(done), closing: false }
    }

    /// The last one: the journal is closed behind it.
    pub(crate) fn closing(done: OnDone<(), NotStored>) -> Self {
        Self { done: Callback::new(done), closing: true }
    }

    pub(crate) fn answer(self, outcome: Result<(), NotStored>) {
        self.done.give(outcome);
    }
}

/// What the writer is told.
pub enum Message {
    /// Groups with rising numbers, none lower than one that was sent before.
    Groups(Vec<Group<Room>>),
    /// To be answered when everything before it is in the store.
    Barrier(Barrier),
}
