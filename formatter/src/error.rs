//! Why a text is not laid out.

use thiserror::Error;
use updraft_protocol::parse;

/// Why a text is not laid out. It stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// It cannot be read.
    #[error(transparent)]
    Unread(#[from] parse::Error),
    /// It is neither a playbook nor a test case.
    #[error("a map of fields is needed: a playbook, or test cases")]
    NoFields,
    /// It is YAML of a kind that has no layout here.
    #[error("line {line}, column {column}: {message}")]
    Unusual {
        /// The line, from 1.
        line: u64,
        /// The column in characters, from 1.
        column: u64,
        /// What stands there, and what to write in its place.
        message: &'static str,
    },
    /// With its indentation it would be larger than it may be.
    #[error("in its layout it would have more than {most} bytes, which is what may be read")]
    TooLarge {
        /// The bound.
        most: usize,
    },
    /// What it became is not proven to say the same.
    #[error(
        "line {line}: its layout is not proven to say the same, so it stays as it is; please report this"
    )]
    Unproven {
        /// The line from which on it may differ.
        line: u64,
    },
}

impl Error {
    /// Whether the same text can be laid out another time: never.
    pub fn retryable(&self) -> bool {
        false
    }

    /// Its mistakes, a message for each.
    pub fn mistakes(&self) -> Vec<String> {
        match self {
            Self::Unread(error) => error.mistakes(),
            Self::NoFields | Self::Unusual { .. } | Self::TooLarge { .. } | Self::Unproven { .. } => {
                vec![self.to_string()]
            }
        }
    }
}
