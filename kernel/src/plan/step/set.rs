//! The step `set`: its planned form, and the checks of its names. Which body may set which variable is checked with the
//! whole playbook (`variables`).

use updraft_protocol::Value;
use updraft_protocol::playbook::Set;

use super::end::template;
use super::{Draft, Steps};
use crate::plan::check::is_identifier;
use crate::template::Template;

/// New values of variables.
#[derive(Debug)]
pub struct PlannedSet {
    /// A map of them, by their names.
    pub values: Template,
}

impl PlannedSet {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, set: &Set) -> Option<Self> {
        for name in set.set.keys().filter(|name| !is_identifier(name)) {
            let rule = "is no name of a variable: letters, digits and `_`, not starting with a digit";
            steps.mistakes.step(draft.at, "set", format!("{name:?} {rule}"));
        }
        let values = template(steps, draft, "set", &Value::Object(set.set.clone()))?;
        Some(Self { values })
    }
}
