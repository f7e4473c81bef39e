//! Why a log refused an operation. Messages never contain data.

use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::codec;

use crate::callback::Dropped;
use crate::handoff::NotStored;

/// Why a log refused an operation.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The updates are too large for one append, or cannot be encoded.
    #[error("the updates cannot be written to the log: {0}")]
    Encode(codec::Error),
    /// There is no room in the queue at the moment.
    #[error("the log is full: the store is behind")]
    Full,
    /// The disk has no space for it. Appends of running executions wait, and the log continues by itself when there is
    /// space.
    #[error("the disk has no room for the log: {cause}")]
    NoSpace {
        /// The error of the disk.
        cause: Arc<str>,
    },
    /// A write or a sync failed before; nothing more is accepted until the engine is restarted.
    #[error("the log is poisoned: {cause}")]
    Poisoned {
        /// The cause.
        cause: Arc<str>,
    },
    /// Recovered groups have not been replayed, and must reach the store first.
    #[error("the recovered log has not been replayed yet")]
    NotReplayed,
    /// The store did not take everything in time; the rest stays in the log.
    #[error("the store did not take everything; it stays in the log")]
    NotStored,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

impl Error {
    /// Whether the same call can succeed later.
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
