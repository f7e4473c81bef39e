//! `already` of an action: its planned form, and the check of its condition. The call that asks is a step of its own before
//! the action.

use updraft_protocol::playbook::Action;

use super::choice::condition;
use super::repeat::RESULT;
use super::{Draft, PlannedAction, Steps};
use crate::condition::Condition;
use crate::plan::{Plan, StepIndex};

/// How an action knows whether what it does was so before.
#[derive(Debug)]
pub struct PlannedAlready {
    /// The step before it that asks.
    pub asking: StepIndex,
    /// Holds over its output if it was so.
    pub holds: Condition,
}

impl PlannedAlready {
    /// Checks the field; `None` in it if there is none, and none at all if it has a mistake.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, action: &Action) -> Option<Option<Self>> {
        let Some(already) = &action.already else { return Some(None) };
        if action.undo.is_none() {
            steps.mistakes.step(
                draft.at,
                "already",
                "needs `undo`, which is not made where it was so before",
            );
        }
        let names = [RESULT.into()];
        let holds = draft.with_locals(steps, &names, |steps, draft| {
            condition(steps, draft, ("already", "already.if"), &already.condition)
        })?;
        Some(Some(Self { asking: StepIndex::at(draft.at.checked_sub(1)?), holds }))
    }
}

impl Plan {
    /// The action for which this step asks, if it does.
    pub fn asks_for(&self, step: StepIndex) -> Option<StepIndex> {
        let next = step.get() + 1;
        let action = PlannedAction::of(self.steps.get(next)?)?;
        let asks = action.already.as_ref().is_some_and(|already| already.asking == step);
        asks.then(|| StepIndex::at(next))
    }
}
