//! What the journal's thread is told. Owns their shapes; never queues them.

use tokio::sync::OwnedSemaphorePermit;
use updraft_kernel::shared::revocable::Revocable;
use updraft_protocol::Update;
use updraft_protocol::limits::{JOURNAL_QUEUE, JOURNAL_QUEUE_BYTES};

use super::frame::Frame;
use crate::callback::Callback;
use crate::log::{Append, Error, Need};

/// An append in the queue.
pub(super) struct Queued {
    pub(super) frame: Frame,
    pub(super) updates: Vec<Update>,
    pub(super) done: Callback<u64, Error>,
    need: Need,
    claim: Option<Revocable>,
    pub(super) room: OwnedSemaphorePermit,
}

impl Queued {
    pub(super) fn new(append: Append, frame: Frame, room: OwnedSemaphorePermit) -> Self {
        let Append { updates, need, done, claim } = append;
        Self { frame, updates, done: Callback::new(done), need, claim, room }
    }

    /// The append as it was handed over.
    pub(super) fn hand_back(self) -> Append {
        Append { updates: self.updates, need: self.need, done: self.done.take_back(), claim: self.claim }
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
