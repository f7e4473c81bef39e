//! A mistake in a playbook: its place and a message. Never contains data of an execution.

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
    /// The mistake `message` at `path`; both are cut if an author's text made them too long to be read.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: short(path.into()), message: short(message.into()) }
    }

    /// Whether trying again can help: never, the playbook stays what it is.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// The longest path, and the longest message.
const BYTES: usize = 1 << 10;

fn short(mut text: String) -> String {
    if text.len() > BYTES {
        let end = (0..=BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
