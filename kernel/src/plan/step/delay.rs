//! The step `delay`: its planned form, and the check of its duration.

use std::time::Duration;

use updraft_protocol::playbook::Delay;

use super::{Draft, Steps};

/// A wait.
#[derive(Debug)]
pub struct PlannedDelay {
    /// How long.
    pub duration: Duration,
}

impl PlannedDelay {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &Draft, delay: &Delay) -> Self {
        steps.span(draft.at, "delay", delay.duration, false);
        Self { duration: delay.duration.0 }
    }
}
