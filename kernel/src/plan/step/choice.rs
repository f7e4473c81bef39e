//! The step `if`: its planned form, the check of its condition, and the exit for each result.

use updraft_protocol::Json;
use updraft_protocol::playbook::{If, StepExit};

use super::{Draft, Steps};
use crate::condition::Condition;

/// A choice between two paths.
#[derive(Debug)]
pub struct PlannedIf {
    /// The condition that decides.
    pub condition: Condition,
}

impl PlannedIf {
    /// The exit for its task's response, `{"result": true}` or false.
    pub(super) fn exit(response: Option<&Json>) -> StepExit {
        let holds = response.is_some_and(|response| response.value()["result"].as_bool() == Some(true));
        if holds { StepExit::Success } else { StepExit::Otherwise }
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, choice: &If) -> Option<Self> {
        let place = format!("steps[{}].condition", draft.at);
        draft.reading = "condition";
        let condition = match Condition::compile_within(&place, &choice.condition, &mut steps.budget) {
            Ok(condition) => {
                draft.references = condition.references().clone();
                Some(condition)
            }
            Err(mistake) => {
                if steps.budget.tells() {
                    steps.mistakes.inside(draft.at, "condition", mistake);
                }
                None
            }
        };
        Some(Self { condition: condition? })
    }
}
