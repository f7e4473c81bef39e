//! The step `end`: the end of a path, with its output. Owns its fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NextStep;
use super::fields::{FieldsOfKind, StepFields};
use crate::value::Value;

/// The end of a path.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct End {
    /// How it ends.
    #[serde(default)]
    pub status: EndStatus,
    /// The output; texts are templates. On the main path, the execution's output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// How an `end` step ends its path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// Successfully.
    #[default]
    Completed,
    /// As a failure.
    Failed,
}

impl FieldsOfKind for End {
    const FIELDS: &'static [&'static str] = &["status", "output"];

    fn read(fields: StepFields) -> Result<Self, &'static str> {
        Ok(Self { status: fields.status.unwrap_or_default(), output: fields.output })
    }

    fn exits(&self) -> Vec<NextStep<'_>> {
        Vec::new()
    }
}
