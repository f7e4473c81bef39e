//! The step `wait_for`: its planned form, and the checks of its key and its time.

use std::time::Duration;

use updraft_protocol::Name;
use updraft_protocol::playbook::WaitFor;

use super::end::template;
use super::{Draft, Steps};
use crate::template::Template;

/// A wait for a signal.
#[derive(Debug)]
pub struct PlannedWaitFor {
    /// The name of the signal.
    pub name: Name,
    /// The key that the signal has to have.
    pub key: Option<Template>,
    /// How long it waits, if the step says.
    pub timeout: Option<Duration>,
}

impl PlannedWaitFor {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, wait: &WaitFor) -> Option<Self> {
        if let Some(timeout) = wait.timeout {
            steps.span(draft.at, "timeout", timeout, false);
        }
        let key = match &wait.key {
            Some(key) => Some(template(steps, draft, "key", key)?),
            None => None,
        };
        Some(Self { name: wait.name.clone(), key, timeout: wait.timeout.map(|timeout| timeout.0) })
    }
}
