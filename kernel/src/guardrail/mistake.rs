//! Mistakes of a guardrail: what makes no sense in it, and where. Owns their form.

use std::fmt;

/// One mistake of a guardrail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardrailMistake {
    /// The place in the guardrail: `cap.per`, `protected.ips[2]`; empty for all of it.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for GuardrailMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.place, self.message)
        }
    }
}

/// The mistakes of one guardrail, as many as a person mends at once.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<GuardrailMistake>);

impl Mistakes {
    const MOST: usize = 50;

    pub(super) fn add(&mut self, place: &str, message: impl Into<String>) {
        if self.0.len() < Self::MOST {
            self.0.push(GuardrailMistake { place: place.to_owned(), message: message.into() });
        }
    }

    pub(super) fn into_vec(self) -> Vec<GuardrailMistake> {
        self.0
    }
}
