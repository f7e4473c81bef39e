//! A problem with the body of an answer: the part that could not be read or kept, and why. Becomes a failure or a note,
//! as the step demands; contains nothing of the answer.

use std::fmt::Display;

use updraft_protocol::FailureKind;

/// The longest name of a charset or coding that is shown.
const NAME_BYTES: usize = 32;

/// The part that could not be read or kept, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The kind of the failure if the step requires a body.
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An answer that does not match the request, or its own headers.
    pub(crate) fn invalid(message: impl Display) -> Self {
        Self::new(FailureKind::InvalidResponse, message.to_string())
    }

    /// An unknown name in a header. It is shown if it has the form of such a name.
    pub(crate) fn unknown(what: &str, name: &str) -> Self {
        let looks = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+');
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(looks) {
            return Self::invalid(format_args!("the answer declares a {what} that is not known"));
        }
        Self::invalid(format_args!("the answer declares the {what} `{name}`, which is not known"))
    }

    pub(crate) fn too_large(message: impl Display) -> Self {
        Self::new(FailureKind::TooLarge, message.to_string())
    }

    pub(crate) fn too_large_to_read(limit: usize) -> Self {
        Self::too_large(format_args!("the answer is larger than the {limit} bytes that are read"))
    }
}
