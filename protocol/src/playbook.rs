//! The playbook model: an authored, versioned graph of steps, in JSON or YAML. Owns what all steps have in common, and
//! the list of the kinds; each kind is a file of its own.

mod action;
mod choice;
mod delay;
mod end;
mod fields;
mod parallel;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Name, StepId};
use crate::time::Span;
use crate::value::Value;
use fields::{FieldsOfKind, StepFields};

pub use action::{Action, Record, Retry};
pub use choice::If;
pub use delay::Delay;
pub use end::{End, EndStatus};
pub use parallel::{Join, Parallel};

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
    /// The first step; by default the first of the list.
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
    /// Its kind, with the fields of that kind.
    #[serde(flatten)]
    pub kind: StepKind,
}

/// The kinds of steps: each with its type, which lists its fields, and its word in playbooks.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal),+ $(,)?) => {
        /// The kind of a step.
        #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
        #[serde(tag = "type")]
        pub enum StepKind { $($(#[$doc])* #[serde(rename = $word)] $kind($kind)),+ }

        /// The word for a kind of step.
        #[derive(Debug, Deserialize, Clone, Copy)]
        enum KindWord { $(#[serde(rename = $word)] $kind),+ }

        impl StepKind {
            /// The word in playbooks.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => $word),+ }
            }

            /// The steps that can follow on the same path, the usual one first.
            pub fn exits(&self) -> Vec<NextStep<'_>> {
                match self { $(Self::$kind(step) => step.exits()),+ }
            }

            /// The first steps of the bodies that it opens.
            pub fn bodies(&self) -> &[StepId] {
                match self { $(Self::$kind(step) => step.bodies()),+ }
            }
        }

        impl KindWord {
            const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word),+ }
            }

            const fn fields(self) -> &'static [&'static str] {
                match self { $(Self::$kind => $kind::FIELDS),+ }
            }

            /// The step of this kind with these fields, or the field that is missing.
            fn read(self, fields: StepFields) -> Result<StepKind, &'static str> {
                match self { $(Self::$kind => $kind::read(fields).map(StepKind::$kind)),+ }
            }
        }
    };
}

kinds! {
    /// Calls a security tool.
    Action = "action",
    /// Runs several paths at once and continues when all have ended.
    Parallel = "parallel",
    /// Chooses between two paths.
    If = "if",
    /// Waits.
    Delay = "delay",
    /// Ends its path; on the main path, the execution.
    End = "end",
}

/// How a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepExit {
    /// It completed; a condition holds.
    Success,
    /// It completed; a condition does not hold.
    Otherwise,
    /// It failed.
    Failure,
    /// It is unknown whether it acted.
    Unknown,
}

/// A step that another names as the one that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextStep<'p> {
    /// The field that names it: `on_success`.
    pub field: &'static str,
    /// The exit that it follows.
    pub exit: StepExit,
    /// Its id.
    pub to: &'p StepId,
}

impl<'p> NextStep<'p> {
    fn of(field: &'static str, exit: StepExit, to: &'p Option<StepId>) -> Option<Self> {
        to.as_ref().map(|to| Self { field, exit, to })
    }

    fn success(to: &'p Option<StepId>) -> Option<Self> {
        Self::of("on_success", StepExit::Success, to)
    }

    fn failure(to: &'p Option<StepId>) -> Option<Self> {
        Self::of("on_failure", StepExit::Failure, to)
    }
}
