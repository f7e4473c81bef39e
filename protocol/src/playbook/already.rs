//! `already` of an action: a call before it that asks whether what it does was so before. Owns its fields, and the step that
//! it is read as, which comes before the action on its path.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::tool;
use super::{Action, OnLastFailure, Retry, Step, StepKind};
use crate::ids::{Name, StepId};
use crate::time::Span;
use crate::value::Value;

/// The field, and the word before the id of what it is read as.
pub const ALREADY: &str = "already";

/// Whether what an action does was so before it: a call that asks, and a condition. What was so before is not undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Already {
    /// The call that asks: `INTEGRATION.ACTION`, or the action alone where it is of the tool of the step.
    pub action: Name,
    /// What it is told, as the arguments of the step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// Holds where it was so. It reads the output of the call as `result`.
    #[serde(rename = "if")]
    pub condition: String,
    /// How long one attempt may take after its request is sent; by default 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How often and when it is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

impl Already {
    /// The step that it is read as, before the step `of` of this tool. A person may mend why it cannot be asked, as of the step.
    pub(super) fn step(
        &self,
        of: Option<&StepId>,
        own: &Name,
        on_last_failure: Option<OnLastFailure>,
    ) -> Step {
        let tool = tool(&self.action).unwrap_or_else(|| (own.clone(), self.action.clone()));
        let call = Action::call(tool, &self.arguments, self.timeout, self.retry.as_ref());
        let call = Action { on_last_failure, ..call };
        let id = of.and_then(|of| StepId::new(format!("{ALREADY}.{of}")).ok());
        Step { id, ..Step::from(StepKind::Action(call)) }
    }
}
