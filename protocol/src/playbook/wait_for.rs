//! The step `wait_for`: a wait for a signal. Owns its fields.

use schemars::JsonSchema;
use serde::Serialize;

use super::fields::{FieldsOfKind, StepFields};
use crate::ids::Name;
use crate::time::Span;
use crate::value::Value;

/// A wait for a signal, whose payload is the output.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WaitFor {
    /// The name of the signal.
    #[serde(rename = "wait_for")]
    pub name: Name,
    /// The key that the signal has to have, a template. Without it, the step takes signals without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// How long it waits; by default one day. Then `on_timeout` is next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

impl FieldsOfKind for WaitFor {
    const FIELDS: &'static [&'static str] =
        &["wait_for", "key", "timeout", "next", "on_failure", "on_timeout", "on_cancel"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            name: fields.wait_for.take().ok_or("needs `wait_for`")?,
            key: fields.key.take(),
            timeout: fields.timeout.take(),
        })
    }
}
