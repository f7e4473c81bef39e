//! The steps `end` and `fail`: the end of a path, with its output. Own their fields.

use schemars::JsonSchema;
use serde::Serialize;

use super::fields::{FieldsOfKind, StepFields};
use crate::value::Value;

/// The end of a path, completed: of the branch that the step is in, or of the execution.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct End {
    /// The output; its texts are templates. On the main line, that of the execution.
    #[serde(rename = "end")]
    pub output: Value,
}

impl FieldsOfKind for End {
    const FIELDS: &'static [&'static str] = &["end"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self { output: fields.end.take().ok_or("needs `end`")? })
    }
}

/// The end of a path, failed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Fail {
    /// The reason, a template.
    #[serde(rename = "fail")]
    pub message: String,
    /// The output; its texts are templates. On the main line, that of the execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

impl FieldsOfKind for Fail {
    const FIELDS: &'static [&'static str] = &["fail", "output"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self { message: fields.fail.take().ok_or("needs `fail`")?, output: fields.output.take() })
    }
}
