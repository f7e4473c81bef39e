//! Conditions of CACAO: comparison expressions of STIX patterns over variables. Owns their grammar, their limits, and what
//! they are as native conditions; never decides one.

mod lex;
mod like;
mod native;
mod network;
mod parse;
mod syntax;

pub(crate) use native::quoted;
pub use native::{Reading, StixKind, native};
pub use parse::parse;
pub use syntax::{Column, Compare, Expression, Literal, ObjectPath, ObjectStep, Operand, StixOrder, Test};

use thiserror::Error;

/// What is wrong with a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("column {column}: {message}")]
pub struct Error {
    /// The place in the text, in characters from 1.
    pub column: usize,
    /// What is wrong, and what is needed.
    pub message: String,
}

impl Error {
    pub(crate) fn at(column: Column, message: impl Into<String>) -> Self {
        Self { column: column.0, message: message.into() }
    }

    /// Whether the same text can be right another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
