//! Why a store refused an operation. Contains no data and no credentials.

use thiserror::Error;

/// Why a store refused an operation. Messages contain no data and no credentials.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// Another process has the store.
    #[error("{path} is in use by another process")]
    InUse {
        /// Its path.
        path: String,
    },
    /// It does not answer, or not in time.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It has no space.
    #[error("the store is full: {0}")]
    Full(String),
    /// It was written by another version of Updraft.
    #[error("{place}: the store has schema {found}; this version reads schema {known}")]
    Schema {
        /// Its place.
        place: String,
        /// The version found.
        found: u32,
        /// The version known.
        known: u32,
    },
    /// Its content cannot be read.
    #[error("the store holds what cannot be read: {0}")]
    Corrupt(String),
    /// It refuses the operation.
    #[error("the store refuses: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call can succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}
