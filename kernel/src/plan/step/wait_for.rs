//! The step `wait_for`: its planned form, and the checks of its key and its time.

use std::time::Duration;

use updraft_protocol::limits::KEY_BYTES;
use updraft_protocol::playbook::WaitFor;
use updraft_protocol::{Name, Value};

use super::end::{is_literal, template};
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
        if wait.key.as_ref().is_some_and(is_no_key) {
            let message = format!("a text of 1 to {KEY_BYTES} bytes, a number or a boolean is needed");
            steps.mistakes.step(draft.at, "key", message);
        }
        let key = match &wait.key {
            Some(key) => Some(template(steps, draft, "key", key)?),
            None => None,
        };
        Some(Self { name: wait.name.clone(), key, timeout: wait.timeout.map(|timeout| timeout.0) })
    }
}

/// Whether a value can be no key, whatever its templates give.
fn is_no_key(key: &Value) -> bool {
    match key {
        Value::String(text) => is_literal(text) && !(1..=KEY_BYTES).contains(&text.len()),
        Value::Number(_) | Value::Bool(_) => false,
        Value::Null | Value::Array(_) | Value::Object(_) => true,
    }
}
