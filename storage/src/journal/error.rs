//! Why the journal did not do what it was asked. Messages name segments and offsets, never data.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::codec;

use crate::callback::Dropped;
use crate::handoff::NotStored;

/// Why the journal did not do what it was asked.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// Another process, or another engine of this one, has the journal.
    #[error("the journal in {folder} is in use by another process")]
    InUse {
        /// Where it is.
        folder: String,
    },
    /// The disk failed while the journal was opened or read.
    #[error("the journal failed at {what}: {cause}")]
    Disk {
        /// What was being done.
        what: String,
        /// What the disk said.
        cause: Arc<str>,
    },
    /// A segment holds what was never written so, at a place that was durable.
    #[error("the journal is corrupt: {segment} at byte {offset}: {reason}")]
    Corrupt {
        /// The file.
        segment: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// Another version of Updraft wrote it.
    #[error("{segment} was written in journal format {found}; this version reads {known}")]
    Format {
        /// The file.
        segment: String,
        /// The format found.
        found: u8,
        /// The format that is read.
        known: u8,
    },
    /// Another version of Updraft wrote what stands in a frame.
    #[error(
        "{segment} at byte {offset} was written by another version of Updraft: its updates are of codec version {found}; \
         this one reads version {known}"
    )]
    Codec {
        /// The file.
        segment: String,
        /// Where in it.
        offset: u64,
        /// The version found.
        found: u8,
        /// The version that is read.
        known: u8,
    },
    /// The updates cannot be made a frame.
    #[error("the updates cannot be written to the journal: {0}")]
    Encode(codec::Error),
    /// There is no room at the moment.
    #[error("the journal is full: the store is behind")]
    Full,
    /// The disk has no room for it. What runs waits, and the journal goes on by itself when there is room.
    #[error("the disk has no room for the journal: {cause}")]
    NoSpace {
        /// What the disk said.
        cause: Arc<str>,
    },
    /// A write or a sync failed before; nothing more is accepted until the engine is started again.
    #[error("the journal is poisoned: {cause}")]
    Poisoned {
        /// What failed.
        cause: Arc<str>,
    },
    /// What was recovered has not been replayed, and must reach the store first.
    #[error("the recovered journal has not been replayed yet")]
    NotReplayed,
    /// The store did not take everything in time; it stays in the journal.
    #[error("the store did not take everything; it stays in the journal")]
    NotStored,
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
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

impl Error {
    /// Whether another try can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Full | Self::NoSpace { .. })
    }

    pub(super) fn disk(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |error| match is_full(&error) {
            true => Self::NoSpace { cause: cause(&error) },
            false => Self::Disk { what: what.into(), cause: cause(&error) },
        }
    }
}

/// Whether it says that there is no room: what may pass by itself.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What an I/O error says to a person: a full disk is named as what it is on every system.
pub(super) fn cause(error: &io::Error) -> Arc<str> {
    match error.kind() {
        io::ErrorKind::StorageFull => "no space left on device".into(),
        io::ErrorKind::QuotaExceeded => "disk quota exceeded".into(),
        _ => error.to_string().into(),
    }
}
