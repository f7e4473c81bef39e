//! The step `switch`: a choice between several bodies, by value or by condition. Owns its fields; decides nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lock;
use super::body::{Body, NestedBody};
use super::fields::{FieldsOfKind, StepFields};
use crate::value::Value;

/// A choice between several bodies: the first case that fits runs, and the path goes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Switch {
    /// The value that cases with `is` are compared with, as an expression: `steps.lookup.output.kind`.
    #[serde(rename = "switch", skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The cases, tried in order.
    #[schemars(length(min = 1, max = 1000))]
    pub cases: Vec<SwitchCase>,
    /// What runs if no case fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Body>,
    /// The lock of a target, from before the first call in the body that runs until that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
}

/// One case of a `switch`: either `is` or `when`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchCase {
    /// The value that fits; of a list, each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Value>,
    /// The condition that has to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What runs.
    #[serde(rename = "do")]
    pub body: Body,
}

impl FieldsOfKind for Switch {
    const FIELDS: &'static [&'static str] = &["switch", "cases", "default", "lock", "next", "on_failure"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            value: fields.switch.take(),
            cases: fields.cases.take().ok_or("needs `cases`")?,
            default: fields.default.take(),
            lock: fields.lock.take(),
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        let cases = self.cases.iter().enumerate();
        let cases = cases.map(|(at, case)| NestedBody::on_path(format!("cases[{at}].do"), &case.body));
        cases.chain(self.default.as_ref().map(|body| NestedBody::on_path("default", body))).collect()
    }
}
