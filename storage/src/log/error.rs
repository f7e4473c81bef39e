//! Why a log did not do what it was asked. Messages never name data.

use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::codec;

use crate::callback::Dropped;
use crate::handoff::NotStored;

/// Why a log did not do what it was asked.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The updates are too large for one append, or cannot be encoded.
    #[error("the updates cannot be written to the log: {0}")]
    Encode(codec::Error),
    /// There is no room at the moment.
    #[error("the log is full: the store is behind")]
    Full,
    /// The disk has no room for it. What runs waits, and the log goes on by itself when there is room.
    #[error("the disk has no room for the log: {cause}")]
    NoSpace {
        /// What the disk said.
        cause: Arc<str>,
    },
    /// A write or a sync failed before; nothing more is accepted until the engine is started again.
    #[error("the log is poisoned: {cause}")]
    Poisoned {
        /// What failed.
        cause: Arc<str>,
    },
    /// What was recovered has not been replayed, and must reach the store first.
    #[error("the recovered log has not been replayed yet")]
    NotReplayed,
    /// The store did not take everything in time; it stays in the log.
    #[error("the store did not take everything; it stays in the log")]
    NotStored,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

impl Error {
    /// Whether another try can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Full | Self::NoSpace { .. })
    }
}

impl From<Dropped> for Error {
    fn from(_: Dropped) -> Self {
        Self::Closed
    }
}

impl From<NotStored> for Error {
    fn from(error: NotStored) -> Self {
        match error {
            NotStored::OutOfTime => Self::NotStored,
            NotStored::WriterGone => Self::Closed,
        }
    }
}
