//! The branches of a `parallel` step while it runs: how many are left, how many have completed, and whether that decides
//! the step. Opens no scope, and ends no task.

use updraft_protocol::playbook::Join;
use updraft_protocol::{Failure, FailureKind};

use super::task::Ending;
use crate::plan::PlannedParallel;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branches {
    open: usize,
    completed: usize,
    /// The first failure.
    failure: Option<Failure>,
    /// Whether the branches that are left no longer count.
    decided: bool,
}

impl Branches {
    pub(super) fn begun(open: usize, decided: bool) -> Self {
        Self { open, completed: 0, failure: None, decided }
    }

    /// A branch was cancelled, and is over.
    pub(super) fn drop_one(&mut self) {
        self.open -= 1;
    }

    /// A branch has ended: completed, or with this failure. A cancelled branch is neither.
    pub(super) fn end(&mut self, failure: Option<Failure>) {
        self.open -= 1;
        match failure {
            None => self.completed += 1,
            Some(failure) if failure.kind != FailureKind::Cancelled && self.failure.is_none() => {
                let failure = Failure::new(FailureKind::Branch, failure.message);
                self.failure = Some(failure.with_retryable(false));
            }
            _ => {}
        }
    }

    /// Whether the step is decided now, and was not before.
    pub(super) fn decide(&mut self, step: &PlannedParallel) -> bool {
        let needed = step.join.needed(step.branches.len());
        let is_early = step.join != Join::All && self.open > 0 && !self.decided;
        let decides = is_early && (self.completed >= needed || self.completed + self.open < needed);
        self.decided |= decides;
        decides
    }

    /// So many branches are left.
    pub(super) fn leave(&mut self, open: usize) {
        self.open = open;
        self.decided = true;
    }

    /// Whether a branch is left.
    pub(super) fn are_left(&self) -> bool {
        self.open > 0
    }

    /// How the step ends; `None` if a branch is left.
    pub(super) fn outcome(&mut self, step: &PlannedParallel) -> Option<Ending> {
        if self.open > 0 {
            return None;
        }
        let needed = step.join.needed(step.branches.len());
        if self.completed >= needed {
            return Some(Ending::Completed(None));
        }
        let failure = self.failure.take().unwrap_or_else(|| {
            let message = format!("{} of {} branches completed", self.completed, step.branches.len());
            Failure::new(FailureKind::Branch, message)
        });
        Some(Ending::Failed(failure))
    }
}
