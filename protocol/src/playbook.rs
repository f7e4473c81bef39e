//! The playbook model: an authored, versioned graph of steps, as JSON or YAML say it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Name, StepId};
use crate::limits::RETRY_GIVE_UP_AFTER;
use crate::time::Span;
use crate::value::Value;

/// The format that this engine reads.
pub const FORMAT: u32 = 1;

/// One version of a playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Updraft playbook, format 1")]
pub struct Playbook {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// The name, unique with the version inside a tenant.
    pub name: Name,
    /// The version: a changed playbook gets a higher one.
    #[schemars(range(min = 1))]
    pub version: u32,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The catalogue's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category_id: Option<String>,
    /// Values that templates read as `variables.NAME`; a submission may give others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Value>,
    /// How long an execution may take; without it, as long as its steps do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How many tasks of one execution run at once; 10 unless the engine is configured otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub tasks_at_once: Option<usize>,
    /// The first step; the first of the list where it is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StepId>,
    /// The steps. A path ends at a step that names no next one.
    #[schemars(length(min = 1, max = 1000))]
    pub steps: Vec<Step>,
}

/// One node of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Step {
    /// Its id: other steps, templates and conditions name it.
    pub id: StepId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it does.
    #[serde(flatten)]
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepKind {
    /// Calls a security tool.
    Action(Action),
    /// Runs several paths at once and goes on when all have ended.
    Parallel(Parallel),
    /// Chooses between two paths.
    If(If),
    /// Waits.
    Delay(Delay),
    /// Ends its path; on the main path, the execution.
    End(End),
}

impl StepKind {
    /// The word that playbooks use for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Action(_) => "action",
            Self::Parallel(_) => "parallel",
            Self::If(_) => "if",
            Self::Delay(_) => "delay",
            Self::End(_) => "end",
        }
    }
}

/// A call of a security tool.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Action {
    /// The tool.
    pub integration: Name,
    /// What it shall do.
    pub action: Name,
    /// What it is told. Texts are templates: `{{ input.sender }}`, `{{ steps.lookup.output.score }}`,
    /// `{{ variables.tools }}`. A text that is one whole `{{ … }}` keeps the type of its value. What a template gives stays
    /// in its place: in a URL one segment or one value, in a header one line. `{$secret: NAME, prefix: "Bearer "}` as the
    /// value of a header stands for a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// How long one attempt may take from when its request is sent: 30 s where it is not named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How often and when it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The tool must not act twice: another attempt follows only where the tool certainly did not act, and none
    /// after a crash during a call. Where nobody knows whether it acted, `on_unknown` goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most_once: bool,
    /// The next step when it completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<StepId>,
    /// The next step when its last attempt failed. Without it, the path fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<StepId>,
    /// The next step when nobody knows whether an `at_most_once` step acted. Without it, the path fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<StepId>,
}

/// When a failed attempt is tried again: after a random time between zero and `initial` × `multiplier`ⁿ,
/// at most `max` (exponential back-off with full jitter). Where the tool asked to be left alone (`Retry-After`),
/// that time begins only when what the tool asked for is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub initial: Span,
    /// The longest random wait before any attempt. It does not shorten the time that a tool asked to be left alone.
    pub max: Span,
    /// By how much the longest wait grows from one attempt to the next.
    #[schemars(range(min = 1, max = 10))]
    pub multiplier: f64,
    /// The longest time that a tool may ask to be left alone. Where it asks for more, or for more than what is left
    /// of the execution's `timeout`, the step fails at once.
    pub give_up_after: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            initial: Span::millis(500),
            max: Span::secs(60),
            multiplier: 2.0,
            give_up_after: Span(RETRY_GIVE_UP_AFTER),
        }
    }
}

/// Several paths at once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Parallel {
    /// The first step of each path.
    #[schemars(length(min = 1, max = 1000))]
    pub branches: Vec<StepId>,
    /// When to go on.
    #[serde(default)]
    pub join: Join,
    /// The next step when all paths have completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<StepId>,
    /// The next step when all paths have ended and one failed. Without it, the path fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<StepId>,
}

/// When a `parallel` step goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all its paths have ended.
    #[default]
    All,
}

/// A choice between two paths.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct If {
    /// A condition over `input`, `variables` and `steps`, true or false: `steps.lookup.output.score > 80`.
    pub condition: String,
    /// The next step where it holds. Without it, the path ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<StepId>,
    /// The next step where it does not. Without it, the path ends.
    #[serde(rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<StepId>,
    /// The next step where it cannot be decided. Without it, the path fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<StepId>,
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Delay {
    /// How long.
    pub duration: Span,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<StepId>,
}

/// The end of a path.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct End {
    /// How it ends.
    #[serde(default)]
    pub status: EndStatus,
    /// What it gives; texts are templates. On the main path, the execution's output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// How an `end` step ends its path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// Well.
    #[default]
    Completed,
    /// As a failure.
    Failed,
}
