//! The data that templates and conditions of one execution can see, and nothing else.

use std::sync::Arc;

use updraft_protocol::{Failure, Json, TaskStatus, Timestamp};

use crate::outline::Outline;

/// An earlier step, as a step on its path sees it.
#[derive(Debug, Clone)]
pub struct StepView<'a> {
    /// How the step's task ended.
    pub status: TaskStatus,
    /// Its output: `steps.ID.output`.
    pub output: Option<&'a Json>,
    /// Why it failed: `steps.ID.error.kind`, `steps.ID.error.message`, and [`ANSWER_FIELDS`] of the tool's answer.
    pub error: Option<&'a Failure>,
}

/// The readable parts of a tool's answer to a failed call, if there are any: `steps.ID.error.status`.
pub const ANSWER_FIELDS: [&str; 3] = ["status", "headers", "body"];

/// The data of one execution that one step may read. Only steps that ended before it on its own path are visible, so
/// that it reads the same whenever it is run again.
pub trait Visible {
    /// The alert or other input: `input`.
    fn input(&self) -> &Json;
    /// The variables: `variables`.
    fn variables(&self) -> &Json;
    /// The constants: `constants`.
    fn constants(&self) -> &Json;
    /// The variables that steps have set on the path of this one, each with its value; of equal names the first counts.
    fn set_variables(&self) -> Vec<(Arc<str>, Json)> {
        Vec::new()
    }
    /// The outline of one of these values; `None` where it is small, or where none is kept.
    fn outline(&self, _text: &Json) -> Option<Arc<Outline>> {
        None
    }
    /// The instant at which the task began that reads this: `now`. It is recorded, so that each of its attempts reads the
    /// same, after a restart too.
    fn now(&self) -> Timestamp;
    /// A value that a loop around the step gives its body under this name: the item of a `for_each`.
    fn local(&self, _name: &str) -> Option<&Json> {
        None
    }
    /// An earlier step on the same path: `steps.ID`; `None` if it has not run.
    fn step(&self, id: &str) -> Option<StepView<'_>>;
}
