//! `verify` of an action: a second call, repeated until a condition over its result holds. Owns its fields, and the steps that it
//! is read as: a loop that follows the action on its path, with the call as its body.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::tool;
use super::body::Body;
use super::{Action, Repeat, Retry, Step, StepKind};
use crate::ids::{Name, StepId};
use crate::limits::{VERIFY_LOOKS, VERIFY_PAUSE};
use crate::time::Span;
use crate::value::Value;

/// The field, and the word before the ids of what it is read as.
pub const VERIFY: &str = "verify";

/// Whether what an action did has come about: a call that looks, until a condition holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The call that looks: `INTEGRATION.ACTION`, or the action alone where it is of the tool of the step.
    pub action: Name,
    /// What it is told, as the arguments of the step. They may read the output of the step as `output`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// What has to hold. It reads the output of the call as `result`.
    pub until: String,
    /// The wait between two looks; 5 seconds where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Span>,
    /// How many looks there may be: 10 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub at_most: Option<u32>,
    /// How long all looks may take together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// How long one attempt of a look may take after its request is sent; by default 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How often and when a look that failed is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

impl Verify {
    /// The step that it is read as, after the step `of` of this tool.
    pub(super) fn steps(&self, of: Option<&StepId>, own: &Name) -> Body {
        let tool = tool(&self.action).unwrap_or_else(|| (own.clone(), self.action.clone()));
        let named = |word: &str| of.and_then(|of| StepId::new(format!("{word}.{of}")).ok());
        let look = Action::call(tool, &self.arguments, self.timeout, self.retry.as_ref());
        let look = Step { id: named("look"), ..Step::from(StepKind::Action(look)) };
        let looks = Repeat {
            before: None,
            after: Some(self.until.clone()),
            body: Body { steps: vec![look], catch: None },
            pause: Some(self.pause.unwrap_or(Span(VERIFY_PAUSE))),
            at_most: Some(self.at_most.unwrap_or(VERIFY_LOOKS)),
            timeout: self.within,
            carry: BTreeMap::new(),
            lock: None,
            verifies: true,
        };
        let looks = Step { id: named(VERIFY), ..Step::from(StepKind::Repeat(looks)) };
        Body { steps: vec![looks], catch: None }
    }
}
