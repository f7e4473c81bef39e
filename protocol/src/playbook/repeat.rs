//! The steps `while` and `until`: repeat a body as long as a condition holds, or until one does. Owns their fields; opens a
//! scope for each round.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lock;
use super::body::{Body, NestedBody};
use super::fields::{FieldsOfKind, StepFields};
use crate::time::Span;
use crate::value::Value;

/// A body that is repeated: `while` or `until` says how long.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(extend("oneOf" = [{"required": ["while"]}, {"required": ["until"]}]))]
pub struct Repeat {
    /// Decided before each round: it begins as long as this holds.
    #[serde(rename = "while", skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Decided after each round, and sees what its steps did: no further one begins once this holds.
    #[serde(rename = "until", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What runs in a round.
    #[serde(rename = "do")]
    pub body: Body,
    /// The wait between two rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Span>,
    /// How many rounds there may be: 100 where nothing is said. The step fails where the condition asks for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub at_most: Option<u32>,
    /// How long all rounds may take together. The round that runs then is cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What one round hands to the next, by the names under which the body and the conditions read it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default)]
    pub carry: BTreeMap<String, Carried>,
    /// The lock of a target, from before the first call in a round until the loop has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
    /// Whether it is the `verify` of the action before it.
    #[serde(skip)]
    pub verifies: bool,
}

/// A value that one round hands to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// Its value in the first round: `null` where nothing is said.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub first: Value,
    /// Its value in the round after one that has ended; sees what the steps of that round did.
    pub then: Value,
}

impl FieldsOfKind for Repeat {
    const FIELDS: &'static [&'static str] = &[
        "while",
        "until",
        "do",
        "pause",
        "at_most",
        "timeout",
        "carry",
        "lock",
        "next",
        "on_failure",
        "on_timeout",
        "on_cancel",
    ];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            before: fields.before.take(),
            after: fields.after.take(),
            body: fields.body.take().ok_or("needs `do`")?,
            pause: fields.pause.take(),
            at_most: fields.at_most.take(),
            timeout: fields.timeout.take(),
            carry: fields.carry.take().unwrap_or_default(),
            lock: fields.lock.take(),
            verifies: false,
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        vec![NestedBody::repeated("do", &self.body)]
    }
}
