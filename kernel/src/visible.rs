//! The scope: what templates and conditions of one execution can see, and nothing else.

use updraft_protocol::{Failure, Json, TaskStatus};

/// What a step's path has seen of an earlier step.
#[derive(Debug, Clone)]
pub struct StepView<'a> {
    /// How the step's task ended.
    pub status: TaskStatus,
    /// What it gave: `steps.ID.output`.
    pub output: Option<&'a Json>,
    /// Why it failed: `steps.ID.error.kind`, `steps.ID.error.message`, and [`ANSWER_FIELDS`] of the tool's answer.
    pub error: Option<&'a Failure>,
}

/// What of a tool's answer to a call that failed can be read, where it is there: `steps.ID.error.status`.
pub const ANSWER_FIELDS: [&str; 3] = ["status", "headers", "body"];

/// The data of one execution that one step may read. Only what ended before the step on its own path is
/// visible, so that a step reads the same whenever it is run again.
pub trait Visible {
    /// The alert or other input: `input`.
    fn input(&self) -> &Json;
    /// The variables: `variables`.
    fn variables(&self) -> &Json;
    /// An earlier step on the same path: `steps.ID`; none where it has not run.
    fn step(&self, id: &str) -> Option<StepView<'_>>;
}
