//! The step `finally`, and `on_cancel` of other steps: their planned forms, and the checks of their bodies.

use std::time::Duration;

use updraft_protocol::limits::CLEANUP;
use updraft_protocol::playbook::{Cleanup, Finally, FinallyPlace, ON_CANCEL};

use super::{Draft, Steps};
use crate::plan::StepIndex;

/// The scope of what runs in any case.
pub(crate) const FINALLY: &str = "finally";
/// The scope of what runs before it.
pub(crate) const DO: &str = "do";

/// A body after which further steps run in any case: the [`PlannedCleanup`] of its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFinally {
    /// The first step of the body.
    pub start: StepIndex,
    /// Whether the body is the whole main line, the end of which is that of the execution.
    pub is_main_line: bool,
}

/// Steps that run when the body of a `finally` has ended, or once a task was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCleanup {
    /// The name of their scope: that of their field.
    pub scope: &'static str,
    /// The first one.
    pub start: StepIndex,
    /// How long they may take.
    pub timeout: Duration,
}

impl PlannedFinally {
    /// Checks the body.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, finally: &Finally) -> Option<Self> {
        let start = draft.alone(steps, Some(0), DO)?;
        Some(Self { start, is_main_line: finally.place() == FinallyPlace::Playbook })
    }
}

impl PlannedCleanup {
    /// Checks the `finally` of a step of that kind.
    pub(super) fn of_finally(steps: &mut Steps<'_>, draft: &mut Draft, cleanup: &Cleanup) -> Option<Self> {
        Self::check(steps, draft, cleanup, (Some(1), FINALLY))
    }

    /// Checks the `on_cancel` of a step, which is the last of its bodies.
    pub(super) fn on_cancel(steps: &mut Steps<'_>, draft: &mut Draft, cleanup: &Cleanup) -> Option<Self> {
        let last = steps.flat.steps[draft.at].starts.len().checked_sub(1);
        Self::check(steps, draft, cleanup, (last, ON_CANCEL))
    }

    fn check(
        steps: &mut Steps<'_>,
        draft: &mut Draft,
        cleanup: &Cleanup,
        (number, scope): (Option<usize>, &'static str),
    ) -> Option<Self> {
        let timeout = cleanup.timeout.map_or(CLEANUP, |timeout| timeout.0);
        if let Some(timeout) = cleanup.timeout {
            steps.span(draft.at, &format!("{scope}.timeout"), timeout, false);
        }
        let start = draft.alone(steps, number, scope)?;
        Some(Self { scope, start, timeout })
    }
}
