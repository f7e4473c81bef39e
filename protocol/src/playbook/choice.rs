//! The step `if`: a choice between two paths. Owns its fields; decides nothing.

use schemars::JsonSchema;
use serde::Serialize;

use super::NextStep;
use super::StepExit;
use super::fields::{FieldsOfKind, StepFields};
use crate::ids::StepId;

/// A choice between two paths.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct If {
    /// A condition over `input`, `variables` and `steps`, true or false: `steps.lookup.output.score > 80`.
    pub condition: String,
    /// The next step if it holds. Without it, the path ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<StepId>,
    /// The next step if it does not. Without it, the path ends.
    #[serde(rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<StepId>,
    /// The next step if it cannot be decided. Without it, the path fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<StepId>,
}

impl FieldsOfKind for If {
    const FIELDS: &'static [&'static str] = &["condition", "then", "else", "on_failure"];

    fn read(fields: StepFields) -> Result<Self, &'static str> {
        Ok(Self {
            condition: fields.condition.ok_or("condition")?,
            then: fields.then,
            otherwise: fields.otherwise,
            on_failure: fields.on_failure,
        })
    }

    fn exits(&self) -> Vec<NextStep<'_>> {
        let then = NextStep::of("then", StepExit::Success, &self.then);
        let otherwise = NextStep::of("else", StepExit::Otherwise, &self.otherwise);
        [then, otherwise, NextStep::failure(&self.on_failure)].into_iter().flatten().collect()
    }
}
