//! Conditions: an expression that decides between two paths. Owns the rule that its value must be true or false; its
//! language and its costs are those of templates.

use updraft_protocol::{Failure, FailureKind};

use crate::template::{Budget, Spent, Text, decide};
use crate::visible::Visible;
use crate::{mistake::Mistake, references::References};

/// A condition, compiled.
#[derive(Debug)]
pub struct Condition {
    text: Text,
    references: References,
}

impl Condition {
    /// Compiles a condition; `path` is its place in the playbook.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile(path: &str, source: &str) -> Result<Self, Mistake> {
        Self::compile_within(path, source, &mut Budget::new())
    }

    /// Compiles a condition within what is left of a playbook's budget.
    pub(crate) fn compile_within(path: &str, source: &str, budget: &mut Budget) -> Result<Self, Mistake> {
        let (text, mut references) = Text::condition(path, source, budget)?;
        references.wanted.settle();
        Ok(Self { text, references })
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// A failure of the kind `Condition`. It names what is missing, and no data.
    pub fn decide(&self, visible: &dyn Visible) -> Result<bool, Failure> {
        self.decide_metered(visible).0
    }

    /// As [`Condition::decide`], with its cost.
    pub fn decide_metered(&self, visible: &dyn Visible) -> (Result<bool, Failure>, Spent) {
        let (decided, spent) = decide(&self.text, &self.references, visible);
        (decided.map_err(|message| Failure::new(FailureKind::Condition, message)), spent)
    }

    /// Its approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.text.bytes() + self.references.bytes()
    }

    /// The data that it reads.
    pub(crate) fn references(&self) -> &References {
        &self.references
    }
}

#[cfg(test)]
mod tests;
