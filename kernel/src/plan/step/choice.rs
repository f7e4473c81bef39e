//! The step `if`: its planned form, the check of its condition, and where its outcome leads.

use updraft_protocol::Json;
use updraft_protocol::playbook::If;

use super::{Draft, Steps};
use crate::condition::Condition;
use crate::plan::exits::Follows;

/// A choice between two bodies.
#[derive(Debug)]
pub struct PlannedIf {
    /// The condition that decides.
    pub condition: Condition,
    then: Follows,
    otherwise: Follows,
}

impl PlannedIf {
    /// Where the output of its task leads: `{"result": true}`.
    pub(in crate::plan) fn follows(&self, response: Option<&Json>) -> Follows {
        let holds = response.is_some_and(|response| response.value()["result"].as_bool() == Some(true));
        if holds { self.then } else { self.otherwise }
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, choice: &If) -> Option<Self> {
        let then = draft.body(steps, Some(0), "then");
        let otherwise = draft.body(steps, choice.otherwise.as_ref().map(|_| 1), "else");
        let condition = condition(steps, draft, ("if", "if"), &choice.condition)?;
        Some(Self { condition, then, otherwise })
    }
}

/// Compiles a condition of the step, in `field` at `place` inside of it.
pub(super) fn condition(
    steps: &mut Steps<'_>,
    draft: &mut Draft,
    (field, place): (&'static str, &str),
    source: &str,
) -> Option<Condition> {
    let place = format!("{}.{place}", draft.place);
    match Condition::compile_within(&place, source, &mut steps.budget) {
        Ok(condition) => {
            draft.read(field, condition.references());
            Some(condition)
        }
        Err(mistake) => {
            if steps.budget.tells() {
                steps.mistakes.inside(draft.at, field, mistake);
            }
            None
        }
    }
}
