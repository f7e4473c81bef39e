//! The step `set`: gives variables new values. Owns its fields.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::fields::{FieldsOfKind, StepFields};
use crate::value::Value;

/// New values of variables, which are the output.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Set {
    /// The values by the names of their variables: templates, which see the values from before the step. Without any, the
    /// step does nothing and marks a place.
    pub set: BTreeMap<String, Value>,
}

impl FieldsOfKind for Set {
    const FIELDS: &'static [&'static str] = &["set", "next", "on_failure"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self { set: fields.set.take().ok_or("needs `set`")? })
    }
}
