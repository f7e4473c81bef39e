//! The `Log` port, the write-ahead log: updates are appended before anything acts on them. Owns the contract; the local
//! [`journal`] implements it, and describes how one is opened. Never looks into updates.
//!
//! What every provider promises, and `conformance` proves:
//! * Appends are numbered in the order in which they were queued; those that survive a crash keep that order.
//! * A [`Need::Durable`] append that has completed survives any crash, with every append that was queued before it.
//! * A [`Need::Behind`] append completes when its number is certain. A crash may lose it, unless a durable append that was queued
//!   later has completed. An implementation may make it durable all the same; no caller may count on that.
//! * A refused append is returned as it was. A full log refuses with [`Error::Full`] or has its caller wait, as
//!   requested.
//! * After a failed write nothing more is accepted, and appends that were answered as durable remain.
//!
//! [`journal`]: crate::journal

#[cfg(test)]
pub(crate) mod conformance;
mod error;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use updraft_protocol::Update;

pub use error::Error;
pub use updraft_kernel::execution::Need;
pub use updraft_kernel::shared::revocable::{Revocable, Revoke};

use crate::callback::OnDone;

/// Called with an append's number or its error, on a thread of the log; it must not wait.
pub type Done = OnDone<u64, Error>;

/// Updates to be appended together, all or none.
pub struct Append {
    /// The updates. An append without any completes when every append that completed before is as durable as `need` says.
    pub updates: Vec<Update>,
    /// How durable it must be before the answer.
    pub need: Need,
    /// Called once: with the append's number when it is as durable as `need` says, or with the error.
    pub done: Done,
    /// Set if its owner may revoke it; `done` is then called with [`Error::Closed`]. A revocable append is refused with
    /// [`Error::NoSpace`] while the disk is full; others are kept until there is space.
    pub claim: Option<Revocable>,
}

impl Append {
    /// An append of these updates.
    pub fn new(updates: Vec<Update>, need: Need, done: Done) -> Self {
        Self { updates, need, done, claim: None }
    }

    /// The same append, with a claim by which it can be revoked.
    #[must_use]
    pub fn revocable(mut self) -> (Self, Revocable) {
        let claim = Revocable::default();
        self.claim = Some(claim.clone());
        (self, claim)
    }
}

/// An append that was refused, with the reason.
pub struct Refused {
    /// The append, unchanged.
    pub append: Append,
    /// The reason.
    pub error: Error,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

/// The status of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The number of the newest durable append.
    pub durable_lsn: u64,
    /// The number of segments.
    pub segments: usize,
    /// Free bytes of the buffer of appends.
    pub room_bytes: usize,
    /// Why nothing more is accepted, after a failed write or sync.
    pub poisoned: Option<Arc<str>>,
    /// Set if the disk has no space.
    pub no_space: Option<NoSpace>,
}

/// A disk without space for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSpace {
    /// The error of the system.
    pub cause: Arc<str>,
    /// When the disk was first found full.
    pub since: Instant,
}

/// The result of closing a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CloseOutcome {
    /// The store has everything; the next start has nothing to replay.
    Empty,
    /// The next start replays updates that the store may not have.
    ToReplay,
}

/// A log of updates.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Queues an append; never waits.
    ///
    /// # Errors
    /// The append, with [`Error::Full`], [`Error::NoSpace`] if it is revocable, [`Error::Encode`] if it is too large,
    /// [`Error::Poisoned`], [`Error::NotReplayed`] or [`Error::Closed`]; its `done` is not called then.
    fn append(&self, append: Append) -> Result<(), Box<Refused>>;

    /// Queues an append as soon as there is room.
    ///
    /// # Errors
    /// As [`Log::append`], but never [`Error::Full`].
    async fn append_waiting(&self, append: Append) -> Result<(), Box<Refused>>;

    /// Waits until every append before is in the store.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::NotStored`] or [`Error::Closed`].
    async fn flush(&self) -> Result<(), Error>;

    /// Its status.
    fn status(&self) -> Status;

    /// Closes the log: makes queued appends durable, and waits for the store for as long as `drain`. Updates that the
    /// store did not take by then stay in the log.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a write or a sync has failed, now or before.
    async fn close(&self, drain: Duration) -> Result<CloseOutcome, Error>;

    /// Stops it for good, as a failed write does: nothing more is accepted, and queued appends are refused. For an
    /// engine that must not continue.
    fn stop(&self, cause: &str);
}
