//! The messages to the journal's thread. Owns their shapes; never queues them.

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

    /// The append as the caller made it.
    pub(super) fn hand_back(self) -> Append {
        Append { updates: self.updates, need: self.need, done: self.done.take_back(), claim: self.claim }
    }

    /// Whether the caller may revoke it, and can try it again.
    pub(super) fn is_revocable(&self) -> bool {
        self.claim.is_some()
    }

    /// Claims it for writing; returns false if it was revoked.
    pub(super) fn take(&self) -> bool {
        self.claim.as_ref().is_none_or(Revocable::take)
    }
}

/// A barrier in the queue.
pub(super) struct QueuedBarrier {
    pub(super) answer: Callback<(), Error>,
    pub(super) room: OwnedSemaphorePermit,
}

/// A message to the thread.
pub(super) enum Command {
    Append(Queued),
    Barrier(QueuedBarrier),
    Close,
}

/// The smallest share of the queue's bytes for a message, so that the number of messages is bounded too.
pub(super) const LEAST_ROOM: usize = JOURNAL_QUEUE_BYTES.div_ceil(JOURNAL_QUEUE);

/// A frame's share of the queue's bytes.
pub(super) fn room_of(frame: &Frame) -> u32 {
    // A frame is at most JOURNAL_FRAME_BYTES and a header, which JOURNAL_QUEUE_BYTES exceeds and u32 holds.
    frame.bytes().max(LEAST_ROOM) as u32
}
