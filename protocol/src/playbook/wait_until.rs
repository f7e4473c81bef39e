//! The step `wait_until`: a wait for an instant that is given. Owns its fields; reads no clock.

use schemars::JsonSchema;
use serde::Serialize;

use super::fields::{FieldsOfKind, StepFields};

/// A wait for an instant.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WaitUntil {
    /// The instant, a template: a date and time as RFC 3339 writes it, or one without an offset where `zone` is given.
    #[serde(rename = "wait_until")]
    pub instant: String,
    /// The time zone of an instant without an offset, such as `Europe/Zurich`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl FieldsOfKind for WaitUntil {
    const FIELDS: &'static [&'static str] = &["wait_until", "zone", "next", "on_failure", "on_cancel"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self { instant: fields.wait_until.take().ok_or("needs `wait_until`")?, zone: fields.zone.take() })
    }
}
