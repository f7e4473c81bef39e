//! The invariant of undos before the end of an execution.

use std::collections::BTreeSet;

use updraft_protocol::playbook::UndoOn;
use updraft_protocol::{ExecutionDocument, ScopePath, TaskDocument, UndoStatus};

use super::{Violation, violated};
use crate::plan::{Plan, PlannedAction, UNDO};

/// What an execution that did not complete has done is undone before its end: once for each task that asks for it, and for no
/// other, the newest first, one after the other. What it could not undo, as it was ended from its documents, is told.
pub fn undone_before_the_end(
    plan: &Plan,
    execution: &ExecutionDocument,
    tasks: &[TaskDocument],
) -> Result<(), Violation> {
    let is_undo = |task: &&TaskDocument| {
        let step = plan.index_of(&task.head.step_id).map(|index| plan.step(index));
        step.and_then(PlannedAction::of).is_some_and(|action| action.undoes.is_some())
    };
    let mut made: Vec<&TaskDocument> = tasks.iter().filter(is_undo).collect();
    made.sort_unstable_by_key(|task| task.head.task_seq);
    let places: BTreeSet<&ScopePath> = made.iter().map(|task| &task.head.scope).collect();
    let on = UndoOn::end(execution.state.execution_status);
    let mut due = Vec::new();
    let mut numbers = BTreeSet::new();
    for task in tasks.iter().filter(|task| !is_undo(task)) {
        let Some(undo) = &task.state.undo else { continue };
        if !numbers.insert(undo.number) {
            return violated(
                "undone in order",
                format!("{}: number {} again", task.head.step_id, undo.number),
            );
        }
        let place = task.head.scope.inside(&task.head.step_id, UNDO);
        let is_told = undo.of.is_some() || undo.status == UndoStatus::Released;
        if on.is_some_and(|on| undo.on.contains(&on)) && (!is_told || places.contains(&place)) {
            due.push((undo.number, place));
        }
    }
    due.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
    if !due.iter().map(|(_, place)| place).eq(made.iter().map(|task| &task.head.scope)) {
        let made: Vec<&str> = made.iter().map(|task| task.head.scope.as_str()).collect();
        let status = execution.state.execution_status;
        return violated("undone in order", format!("{status}: {made:?} of {due:?}"));
    }
    let overlap = made.windows(2).find(|pair| pair[1].state.started_date < Some(pair[0].state.updated_date));
    match overlap {
        Some(pair) => violated("undone in order", format!("{} began too soon", pair[1].head.scope)),
        None => Ok(()),
    }
}
