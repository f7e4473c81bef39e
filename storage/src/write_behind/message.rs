//! What the writer is told: groups of updates in the order of the journal, and barriers between them.

use tokio::sync::OwnedSemaphorePermit;
use updraft_protocol::Update;

use crate::journal::{Answer, Done};

/// The updates of one append.
pub struct Group {
    /// The append's number in the journal.
    pub lsn: u64,
    /// Its updates.
    pub updates: Vec<Update>,
    /// The append's place in the bound of the journal's queue, given back when the writer takes the group in.
    _room: Option<OwnedSemaphorePermit>,
}

impl Group {
    /// A group that stands in no queue's bound: one that was recovered.
    pub fn new(lsn: u64, updates: Vec<Update>) -> Self {
        Self { lsn, updates, _room: None }
    }

    pub(crate) fn holding(lsn: u64, updates: Vec<Update>, room: OwnedSemaphorePermit) -> Self {
        Self { lsn, updates, _room: Some(room) }
    }
}

/// A question: when is everything that came before this in the store?
pub struct Barrier {
    answer: Answer<()>,
    /// Its place in the bound of the journal's queue, so that barriers have one too.
    _room: Option<OwnedSemaphorePermit>,
    /// Whether nothing follows, which the store is to note before the answer.
    closing: bool,
}

impl Barrier {
    /// A barrier that calls `done` once; dropped unanswered, it calls it with an error.
    pub fn new(done: Done<()>) -> Self {
        Self { answer: Answer::new(done), _room: None, closing: false }
    }

    pub(crate) fn holding(answer: Answer<()>, room: Option<OwnedSemaphorePermit>) -> Self {
        Self { answer, _room: room, closing: false }
    }

    /// The last one: the journal is closed behind it.
    pub(crate) fn closing(answer: Answer<()>) -> Self {
        Self { answer, _room: None, closing: true }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn answer(self, outcome: Result<(), crate::journal::Error>) {
        self.answer.give(outcome);
    }
}

/// What the writer is told.
pub enum Message {
    /// Groups with rising numbers, none lower than one that was sent before.
    Groups(Vec<Group>),
    /// To be answered when everything before it is in the store.
    Barrier(Barrier),
}
