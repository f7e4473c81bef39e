//! The step `delay`: a wait for an instant. Owns its fields; reads no clock.

use schemars::JsonSchema;
use serde::Serialize;

use super::fields::{FieldsOfKind, StepFields};
use crate::time::Span;

/// A wait.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Delay {
    /// How long.
    #[serde(rename = "delay")]
    pub duration: Span,
}

impl FieldsOfKind for Delay {
    const FIELDS: &'static [&'static str] = &["delay", "next", "on_cancel"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self { duration: fields.delay.take().ok_or("needs `delay`")? })
    }
}
