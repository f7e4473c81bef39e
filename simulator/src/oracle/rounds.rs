//! Rounds: how long a loop waits for the next one, and `verify`, whose action counts as done once a look shows it.

use updraft_kernel::invariant::Violation;
use updraft_kernel::plan::PlannedRepeat;
use updraft_protocol::{TaskDocument, TaskStatus, Timestamp, WaitKind};

use super::{Oracle, broken};

impl Oracle {
    /// The last look of a `verify` that completed has given what its condition, `result.n > 4`, asks for.
    pub(super) fn is_verified(
        repeat: &PlannedRepeat,
        task: &TaskDocument,
        tasks: &[TaskDocument],
    ) -> Result<(), Violation> {
        if repeat.verifies.is_none() || task.state.status != TaskStatus::Completed {
            return Ok(());
        }
        let is_look = |look: &&TaskDocument| {
            let opener = look.head.scope.opened_by().map(|(outer, opener, _)| (outer, opener));
            opener == Some((task.head.scope.as_str(), task.head.step_id.as_str()))
        };
        let last = tasks.iter().filter(is_look).max_by_key(|look| look.head.task_seq);
        let n = last.and_then(|look| look.state.response.as_ref()).map(|output| output.value()["n"].as_u64());
        match n.flatten() {
            Some(5..) => Ok(()),
            _ => broken("verified", format!("{} completed after {last:?}", task.head.step_id)),
        }
    }
}

/// A loop waits for its deadline, or as long as its pause for the round that is given.
pub(super) fn next_round(
    repeat: &PlannedRepeat,
    task: &TaskDocument,
    due: Timestamp,
) -> Result<Option<u32>, Violation> {
    let started = task.state.started_date.unwrap_or_default();
    if repeat.timeout.is_some_and(|timeout| due == started.after(timeout)) {
        return Ok(None);
    }
    let wait = task.state.wait.as_ref().filter(|wait| wait.kind == WaitKind::Round);
    let round = wait.and_then(|wait| wait.subject.as_ref()?.parse().ok());
    match (wait, repeat.pause) {
        (Some(wait), Some(pause)) if due == wait.since.after(pause) && wait.until == Some(due) => Ok(round),
        _ => broken("waits are kept", format!("{} until {due}", task.head.step_id)).map(|()| None),
    }
}
