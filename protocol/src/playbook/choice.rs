//! The step `if`: a choice between two bodies. Owns its fields; decides nothing.

use schemars::JsonSchema;
use serde::Serialize;

use super::Lock;
use super::body::{Body, NestedBody};
use super::fields::{FieldsOfKind, StepFields};

/// A choice between two bodies, after which the path goes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct If {
    /// A condition over `input`, `variables`, `constants`, `steps` and `now`, true or false: `steps.lookup.output.score > 80`.
    #[serde(rename = "if")]
    pub condition: String,
    /// What runs if it holds.
    pub then: Body,
    /// What runs if it does not hold.
    #[serde(rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Body>,
    /// The lock of a target, from before the first call in the body that runs until that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
}

impl FieldsOfKind for If {
    const FIELDS: &'static [&'static str] = &["if", "then", "else", "lock", "next", "on_failure"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            condition: fields.condition.take().ok_or("needs `if`")?,
            then: fields.then.take().ok_or("needs `then`")?,
            otherwise: fields.otherwise.take(),
            lock: fields.lock.take(),
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        let then = NestedBody::on_path("then", &self.then);
        let otherwise = self.otherwise.as_ref().map(|body| NestedBody::on_path("else", body));
        [then].into_iter().chain(otherwise).collect()
    }
}
