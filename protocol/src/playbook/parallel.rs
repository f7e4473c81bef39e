//! The step `parallel`: several paths at once. Owns its fields; opens a body for each branch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NextStep;
use super::fields::{FieldsOfKind, StepFields};
use crate::ids::StepId;

/// Several paths at once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Parallel {
    /// The first step of each path.
    #[schemars(length(min = 1, max = 1000))]
    pub branches: Vec<StepId>,
    /// When to continue.
    #[serde(default)]
    pub join: Join,
    /// The next step when all paths have completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<StepId>,
    /// The next step when all paths have ended and one failed. Without it, the path fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<StepId>,
}

/// When a `parallel` step continues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all its paths have ended.
    #[default]
    All,
}

impl FieldsOfKind for Parallel {
    const FIELDS: &'static [&'static str] = &["branches", "join", "on_success", "on_failure"];

    fn read(fields: StepFields) -> Result<Self, &'static str> {
        Ok(Self {
            branches: fields.branches.ok_or("branches")?,
            join: fields.join.unwrap_or_default(),
            on_success: fields.on_success,
            on_failure: fields.on_failure,
        })
    }

    fn exits(&self) -> Vec<NextStep<'_>> {
        let exits = [NextStep::success(&self.on_success), NextStep::failure(&self.on_failure)];
        exits.into_iter().flatten().collect()
    }

    fn bodies(&self) -> &[StepId] {
        &self.branches
    }
}
