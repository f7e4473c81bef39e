//! A mistake in a playbook: where it is and what it is. Never says what data an execution had.

use thiserror::Error;

/// One mistake in a playbook, for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct Mistake {
    /// The field that is wrong: `steps[3].on_failure`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl Mistake {
    /// The mistake `message` at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// Whether trying again can help: never, the playbook stays what it is.
    pub fn retryable(&self) -> bool {
        false
    }
}
