//! The `Log` port, the write-ahead log: updates are appended before anything acts on them. Owns the contract; the local
//! [`journal`] implements it, and says how one is opened. Never looks into updates.
//!
//! What every provider promises, and `conformance` proves:
//! * Appends are numbered in the order in which they were queued; those that a crash leaves keep that order.
//! * A [`Need::Durable`] append that has completed survives any crash, with every append that was queued before it.
//! * A [`Need::Behind`] append completes when its number is certain. A crash may lose it, unless a durable append that was queued
//!   later has completed. An implementation may make it durable all the same; no caller may count on that.
//! * A refused append is given back as it was. A full log refuses with [`Error::Full`] or has its caller wait, as asked.
//! * After a failed write nothing more is taken, and what was answered as durable stays.
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

/// What is called with an append's number or why it has none, on a thread of the log; it must not wait.
pub type Done = OnDone<u64, Error>;

/// Updates to be appended together, all or none.
pub struct Append {
    /// The updates. An append without any completes when every append that completed before is as durable as `need` says.
    pub updates: Vec<Update>,
    /// What its answer must mean.
    pub need: Need,
    /// Called once: with the append's number when it is as durable as `need` says, or with the error.
    pub done: Done,
    /// Where its owner may give it up; `done` is called with [`Error::Closed`] then. One that can be given up is refused
    /// with [`Error::NoSpace`] while the disk is full; others are kept until there is room.
    pub claim: Option<Revocable>,
}

impl Append {
    /// An append of these updates.
    pub fn new(updates: Vec<Update>, need: Need, done: Done) -> Self {
        Self { updates, need, done, claim: None }
    }

    /// The same, with a claim by which it can be given up.
    #[must_use]
    pub fn revocable(mut self) -> (Self, Revocable) {
        let claim = Revocable::default();
        self.claim = Some(claim.clone());
        (self, claim)
    }
}

/// An append that was not taken, with the reason.
pub struct Refused {
    /// What was handed over, untouched.
    pub append: Append,
    /// Why it was not taken.
    pub error: Error,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

/// How a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The number of the newest durable append.
    pub acknowledged: u64,
    /// How many segments there are.
    pub segments: usize,
    /// Free bytes of the buffer of appends.
    pub room_bytes: usize,
    /// Why nothing more is accepted, after a failed write or sync.
    pub poisoned: Option<Arc<str>>,
    /// That the disk has no room for more, if it has none.
    pub no_space: Option<NoSpace>,
}

/// A disk without room for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSpace {
    /// The error of the system.
    pub cause: Arc<str>,
    /// When the disk was first found full.
    pub since: Instant,
}

/// How a log was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Left {
    /// The store has everything; the next start has nothing to replay.
    Empty,
    /// The next start replays what the store may not have.
    ToReplay,
}

/// Where updates are appended.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Queues an append; never waits.
    ///
    /// # Errors
    /// The append, with [`Error::Full`], [`Error::NoSpace`] where it can be given up, [`Error::Encode`] where it is too
    /// large, [`Error::Poisoned`], [`Error::NotReplayed`] or [`Error::Closed`]; its `done` is not called then.
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

    /// How it stands.
    fn status(&self) -> Status;

    /// Closes the log: what is queued is made durable, and the store is waited for as long as `drain`. What the store did not
    /// take by then stays in the log.
    ///
    /// # Errors
    /// [`Error::Poisoned`] where a write or a sync had failed, now or before.
    async fn close(&self, drain: Duration) -> Result<Left, Error>;

    /// Stops it for good, as a failed write does: nothing more is accepted, and what is queued is refused. For an engine
    /// that must not continue.
    fn stop(&self, cause: &str);
}
