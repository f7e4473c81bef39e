//! The step `delay`: a wait for an instant. Owns its fields; reads no clock.

use schemars::JsonSchema;
use serde::Serialize;

use super::NextStep;
use super::fields::{FieldsOfKind, StepFields};
use crate::ids::StepId;
use crate::time::Span;

/// A wait.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Delay {
    /// How long.
    pub duration: Span,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<StepId>,
}

impl FieldsOfKind for Delay {
    const FIELDS: &'static [&'static str] = &["duration", "on_success"];

    fn read(fields: StepFields) -> Result<Self, &'static str> {
        Ok(Self { duration: fields.duration.ok_or("duration")?, on_success: fields.on_success })
    }

    fn exits(&self) -> Vec<NextStep<'_>> {
        NextStep::success(&self.on_success).into_iter().collect()
    }
}
