//! The state of a task while its cleanup runs: what was before it, and until when it may run. Opens no scope, and ends no task.

use updraft_protocol::{Failure, FailureKind, Json, Timestamp};

use super::task::Ending;

/// How the failure of a cleanup is told.
pub(crate) const FAILED_CLEANUP: &str = "its cleanup failed";

/// What is to be known of a task while its cleanup runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cleaning {
    /// How the body ended.
    result: Result<Option<Json>, Failure>,
    /// The output of the `fail` step that ended it.
    output: Option<Json>,
    /// Whether an `end` step ended it, which ends the path around it, too.
    ends_path: bool,
    /// Until when the cleanup may run.
    pub(super) until: Timestamp,
    /// Whether that has passed.
    pub(super) is_over: bool,
}

impl Cleaning {
    /// After a body with this result.
    pub(super) fn after(
        result: Result<Option<Json>, Failure>,
        output: Option<Json>,
        ends_path: bool,
    ) -> Self {
        Self { result, output, ends_path, until: Timestamp::default(), is_over: false }
    }

    pub(super) fn until(self, until: Timestamp) -> Self {
        Self { until, ..self }
    }

    /// How the task ends, and whether its path ends with it.
    pub(super) fn outcome(&self) -> (Ending, bool) {
        let ending = match (&self.result, &self.output) {
            (Ok(output), _) => Ending::Completed(output.clone()),
            (Err(failure), _) if failure.kind == FailureKind::Cancelled => Ending::Cancelled,
            (Err(failure), Some(output)) => Ending::EndedFailed(failure.clone(), output.clone()),
            (Err(failure), None) => Ending::Failed(failure.clone()),
        };
        (ending, self.ends_path)
    }
}
