//! `lock` of an action: two steps of a tenant, of whatever playbooks, do not act on one target at once. Owns its fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::value::Value;

/// The lock that a step has while it acts: one step at a time of all playbooks of its tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// What is acted on: a host, an account. Spellings of one target are one lock.
    pub target: Value,
    /// How long the step waits for its turn; an hour where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
}
