//! The invariants of reruns: which results a new execution may have of the one that it is the rerun of, and which it must have.

use std::collections::BTreeMap;

use updraft_protocol::{StepId, TaskDocument, TaskId, TaskStatus};

use super::{Violation, violated};
use crate::plan::{Plan, PlannedKind, UNDO, UPDRAFT};

const KEPT: &str = "a kept result stands";

/// What a rerun has taken over is the end of the same step in the same scope, and nothing of it was undone or is to run again; its
/// undo stays with the first execution. With another input no approval is taken over.
pub fn kept_results_stand(
    (first, again): (&[TaskDocument], &[TaskDocument]),
    from: Option<&StepId>,
    is_same_input: bool,
) -> Result<(), Violation> {
    let by_id: BTreeMap<TaskId, &TaskDocument> =
        first.iter().map(|task| (task.task_request_id, task)).collect();
    for task in again {
        let Some(taken_from) = task.head.taken_from else { continue };
        let step = &task.head.step_id;
        let Some(before) = by_id.get(&taken_from) else {
            return violated(KEPT, format!("{step} is taken over from {taken_from}"));
        };
        if !is_same_input && task.head.action.as_str() == "approval" {
            return violated(KEPT, format!("{step} was approved for another input"));
        }
        let is_same = (&before.head.scope, &before.head.step_id) == (&task.head.scope, step);
        let has_ended_so = match before.state.status {
            TaskStatus::Unknown => task.state.status == TaskStatus::Completed,
            status => status.ended() && status == task.state.status,
        };
        if !is_same || !has_ended_so || before.state.response != task.state.response {
            return violated(KEPT, format!("{step} is {:?}, and was {:?}", task.state, before.state));
        }
        let of_it = |other: &&TaskDocument| other.task_request_id == taken_from || is_inside(before, other);
        let runs_again = |other: &TaskDocument| Some(&other.head.step_id) == from || is_undone(first, other);
        if let Some(again) = first.iter().filter(of_it).find(|other| runs_again(other)) {
            return violated(KEPT, format!("{step} is taken over, and {} runs again", again.head.step_id));
        }
        if task.state.undo.is_some() || is_undone(again, task) {
            return violated(KEPT, format!("{step} is taken over, and its undo too"));
        }
    }
    Ok(())
}

/// Whether a task ran in a body of another one.
fn is_inside(opener: &TaskDocument, task: &TaskDocument) -> bool {
    let bodies = opener.head.scope.inside(&opener.head.step_id, "");
    task.head.scope.as_str().starts_with(bodies.as_str())
}

/// Whether the undo of an action has completed. The release of what expires is none: a person may have kept it since.
fn is_undone(tasks: &[TaskDocument], action: &TaskDocument) -> bool {
    let place = action.head.scope.inside(&action.head.step_id, UNDO);
    let releases = |undo: &TaskDocument| undo.state.undo.is_some();
    let is_done = |undo: &TaskDocument| {
        undo.head.scope == place && undo.state.status == TaskStatus::Completed && !releases(undo)
    };
    action.head.integration.as_str() != UPDRAFT && tasks.iter().any(is_done)
}

/// What came first, completed and stands is not done again, where the input and the playbook are the same, and nothing ran in a body
/// of it.
pub fn what_stands_is_kept(
    plan: &Plan,
    (first, again): (&[TaskDocument], &[TaskDocument]),
    from: Option<&StepId>,
) -> Result<(), Violation> {
    let Some(before) = first.iter().min_by_key(|task| task.head.task_seq) else { return Ok(()) };
    let index = plan.index_of(&before.head.step_id);
    let asks = index.and_then(|index| plan.asks_for(index));
    let step = index.map(|index| plan.step(index));
    let lasts = step.is_some_and(|step| {
        let is_plain = matches!(
            step.kind,
            PlannedKind::Action(_)
                | PlannedKind::Delay(_)
                | PlannedKind::WaitUntil(_)
                | PlannedKind::WaitFor(_)
                | PlannedKind::Approval(_)
        );
        step.is_named && is_plain
    });
    // What is contained may end before its rerun.
    let stands = before.state.status == TaskStatus::Completed && before.state.undo.is_none();
    let stands = stands && !first.iter().any(|task| is_inside(before, task));
    let is_taken = |task: &TaskDocument| task.head.taken_from == Some(before.task_request_id);
    if let Some(action) = asks {
        // It is asked again before an action that is done again.
        let id = &plan.step(action).id;
        let is_action = |task: &TaskDocument| {
            (&task.head.step_id, &task.head.scope) == (id, &before.head.scope)
                && task.head.taken_from.is_none()
        };
        if again.iter().any(is_taken) && again.iter().any(is_action) {
            return violated("what stands is kept", format!("{id} is done again, and not asked for"));
        }
        return Ok(());
    }
    if lasts && stands && Some(&before.head.step_id) != from && !again.iter().any(is_taken) {
        return violated("what stands is kept", format!("{} runs again", before.head.step_id));
    }
    Ok(())
}
