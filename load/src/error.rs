//! Why a load could not be measured. A threshold that does not hold is no error: it is in the summary.

use updraft::{PutError, StartError};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine, or its store, did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store did not take the playbook of the load.
    #[error(transparent)]
    Put(#[from] PutError),
    /// Something of the machine failed.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    pub(crate) fn of(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}
