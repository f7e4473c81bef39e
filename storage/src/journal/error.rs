//! Why the journal could not be opened or read. Messages name segments and offsets, never data.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::log;

/// Why the journal could not be opened or read.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// Another process, or another engine of this one, has the journal.
    #[error("the journal in {folder} is in use by another process")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// The disk failed while the journal was opened or read.
    #[error("the journal failed at {what}: {cause}")]
    Disk {
        /// The operation.
        what: String,
        /// The error of the disk.
        cause: Arc<str>,
    },
    /// A segment is damaged in a part that was durable.
    #[error("the journal is corrupt: {segment} at byte {offset}: {reason}")]
    Corrupt {
        /// The file.
        segment: String,
        /// The position in it.
        offset: u64,
        /// The damage.
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
    /// Another version of Updraft wrote the content of a frame.
    #[error(
        "{segment} at byte {offset} was written by another version of Updraft: its updates are of codec version {found}; \
         this one reads version {known}"
    )]
    Codec {
        /// The file.
        segment: String,
        /// The position in it.
        offset: u64,
        /// The version found.
        found: u8,
        /// The version that is read.
        known: u8,
    },
    /// An error of the log.
    #[error(transparent)]
    Log(#[from] log::Error),
}

impl Error {
    /// Whether the same call can succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Log(error) if error.retryable())
    }

    pub(super) fn disk(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |error| match is_full(&error) {
            true => Self::Log(log::Error::NoSpace { cause: cause(&error) }),
            false => Self::Disk { what: what.into(), cause: cause(&error) },
        }
    }
}

/// Whether there is no space, which may pass by itself.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// An I/O error as a text for people: a full disk is named as such on every system.
pub(super) fn cause(error: &io::Error) -> Arc<str> {
    match error.kind() {
        io::ErrorKind::StorageFull => "no space left on device".into(),
        io::ErrorKind::QuotaExceeded => "disk quota exceeded".into(),
        _ => error.to_string().into(),
    }
}
