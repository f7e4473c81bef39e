//! `undo` of an action: the call that takes back what the action did, and when it is made. Owns its fields; makes no call.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Retry;
use super::action::tool;
use crate::ids::Name;
use crate::time::Span;
use crate::value::Value;

/// The call that takes back what an action did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// What the tool shall do: `INTEGRATION.ACTION`, or the action alone where it is of the tool of the step.
    pub action: Name,
    /// What it is told, as the arguments of the step. They are rendered when the step has ended, and may read its output as
    /// `output`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// When it is made, beside when what `expires` is over: `[asked]` where nothing is said. On `failure` and `cancel` no undo is
    /// made yet: a playbook that asks for it is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<UndoOn>,
    /// Whether it is harmless where nobody knows whether the action was done, and is made then too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub safe_if_unknown: bool,
    /// How long one attempt may take after its request is sent; by default 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How often and when it is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// When what a step did is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoOn {
    /// The execution fails.
    Failure,
    /// The execution is cancelled.
    Cancel,
    /// A person asks for it.
    Asked,
}

impl UndoOn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failure, Self::Cancel, Self::Asked];

    /// The written text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Cancel => "cancel",
            Self::Asked => "asked",
        }
    }
}

impl Undo {
    /// The tool and its action; `own` is the tool of the step.
    pub fn tool(&self, own: &Name) -> (Name, Name) {
        tool(&self.action).unwrap_or_else(|| (own.clone(), self.action.clone()))
    }

    /// When it is made.
    pub fn when(&self) -> &[UndoOn] {
        if self.on.is_empty() { &[UndoOn::Asked] } else { &self.on }
    }
}
