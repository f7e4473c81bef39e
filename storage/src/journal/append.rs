//! Appends and what else the journal's thread is told. Owns their shapes; never queues them.

use tokio::sync::OwnedSemaphorePermit;
use updraft_kernel::shared::revocable::Revocable;
use updraft_protocol::Update;
use updraft_protocol::limits::{JOURNAL_QUEUE, JOURNAL_QUEUE_BYTES};

use super::error::Error;
use super::frame::Frame;
use crate::callback::{Callback, OnDone};

/// What is called with the outcome, on the journal's thread; it must not wait.
pub type Done<T> = OnDone<T, Error>;

/// Updates to be made durable together, all or none.
pub struct Append {
    /// The updates, encoded by the caller's thread.
    pub frame: Frame,
    /// The updates themselves, for the writer behind the journal.
    pub updates: Vec<Update>,
    /// Called once, on the journal's thread, with the append's number when it is durable, or with why it never
    /// will be known to be.
    pub done: Done<u64>,
    /// Where its owner may give it up; `done` is called with [`Error::Closed`] then. One that can be given up is refused
    /// with [`Error::NoSpace`] while the disk is full; others are kept until there is room.
    pub claim: Option<Revocable>,
}

/// An append that was not taken, with the reason.
pub struct Refused {
    /// What was handed over, untouched.
    pub append: Append,
    /// Why it was not taken.
    pub error: Error,
}

impl Append {
    /// An append of these updates.
    ///
    /// # Errors
    /// [`Error::Encode`] where the updates are too large for a frame; `done` is not called then.
    pub fn new(updates: Vec<Update>, done: Done<u64>) -> Result<Self, Error> {
        Ok(Self { frame: Frame::encode(&updates)?, updates, done, claim: None })
    }

    /// The same, with a claim by which it can be given up.
    #[must_use]
    pub fn revocable(mut self) -> (Self, Revocable) {
        let claim = Revocable::default();
        self.claim = Some(claim.clone());
        (self, claim)
    }
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

/// An append in the queue.
pub(super) struct Queued {
    pub(super) frame: Frame,
    pub(super) updates: Vec<Update>,
    pub(super) done: Callback<u64, Error>,
    claim: Option<Revocable>,
    pub(super) room: OwnedSemaphorePermit,
}

impl Queued {
    pub(super) fn new(append: Append, room: OwnedSemaphorePermit) -> Self {
        let Append { frame, updates, done, claim } = append;
        Self { frame, updates, done: Callback::new(done), claim, room }
    }

    /// The append as it was handed over.
    pub(super) fn hand_back(self) -> Append {
        Append { frame: self.frame, updates: self.updates, done: self.done.take_back(), claim: self.claim }
    }

    /// Whether its owner may give it up, and can come again.
    pub(super) fn is_revocable(&self) -> bool {
        self.claim.is_some()
    }

    /// Whether it is to be written: not where it was given up.
    pub(super) fn take(&self) -> bool {
        self.claim.as_ref().is_none_or(Revocable::take)
    }
}

/// A barrier in the queue.
pub(super) struct QueuedBarrier {
    pub(super) answer: Callback<(), Error>,
    pub(super) room: OwnedSemaphorePermit,
}

/// What the thread is told.
pub(super) enum Command {
    Append(Queued),
    Barrier(QueuedBarrier),
    Close,
}

/// What the smallest message takes of the queue's bytes: so many that the queue's count is bounded with them.
pub(super) const LEAST_ROOM: usize = JOURNAL_QUEUE_BYTES.div_ceil(JOURNAL_QUEUE);

/// What a frame takes of the queue's bytes.
pub(super) fn room_of(frame: &Frame) -> u32 {
    // A frame is at most JOURNAL_FRAME_BYTES and a header, which JOURNAL_QUEUE_BYTES exceeds and u32 holds.
    frame.bytes().max(LEAST_ROOM) as u32
}
