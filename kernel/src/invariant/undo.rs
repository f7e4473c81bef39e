//! The invariants of undos: what is registered, and what is undone before the end of an execution.

use std::collections::BTreeSet;

use updraft_protocol::playbook::UndoOn;
use updraft_protocol::{ExecutionDocument, Json, ScopePath, TaskDocument, TaskStatus, Timestamp, UndoStatus};

use super::{Violation, violated};
use crate::plan::{Plan, PlannedAction, RESULT, UNDO};
use crate::references::References;
use crate::visible::{StepView, Visible};

/// Undo is never forgotten: a task that acted says how it is undone, or why it cannot be, if its step does; and no other
/// task does. What expires says what it contains, and until when. What was so before is not undone; where it expires, that is
/// said.
pub fn undo_is_registered(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    for task in tasks {
        let step = plan.index_of(&task.head.step_id).map(|index| plan.step(index));
        let Some(action) = step.and_then(PlannedAction::of).filter(|action| action.undoes.is_none()) else {
            continue;
        };
        // What another execution did is taken back by that one.
        if task.head.taken_from.is_some() {
            continue;
        }
        let acted = match task.state.status {
            TaskStatus::Completed => true,
            TaskStatus::Unknown => action.undo.as_ref().is_some_and(|undo| undo.safe_if_unknown),
            _ => false,
        };
        let was_so = acted && was_so_before(plan, action, task, tasks);
        let fits = match &task.state.undo {
            None => !acted || action.undo.is_none() || (was_so && action.containment.is_none()),
            Some(undo) => {
                let is_whole = undo.call.arguments.is_some() || undo.reason.is_some();
                acted
                    && is_whole
                    && undo.was_so == was_so
                    && (action.containment.is_some() || !was_so)
                    && undo.hold.is_some() == (action.containment.is_some() || undo.of.is_some())
            }
        };
        if !fits {
            return violated("undo is registered", format!("{}: {:?}", task.head.step_id, task.state));
        }
    }
    Ok(())
}

/// Whether what a task did was so before it, by the answer of the task that asked; as it is told where the condition reads more
/// than that.
fn was_so_before(plan: &Plan, action: &PlannedAction, task: &TaskDocument, tasks: &[TaskDocument]) -> bool {
    let Some(already) = &action.already else { return false };
    if reads_more(already.holds.references()) {
        // What contains nothing has no record where it was so.
        return task.state.undo.as_ref().is_none_or(|undo| undo.was_so);
    }
    let id = &plan.step(already.asking).id;
    let asked = tasks.iter().find(|asked| asked.head.step_id == *id && asked.head.scope == task.head.scope);
    let answer = asked.and_then(|asked| asked.state.response.clone()).unwrap_or_else(Json::null);
    already.holds.decide(&Answer { answer, nothing: Json::null() }).unwrap_or(false)
}

/// Whether a condition reads anything but an answer.
fn reads_more(references: &References) -> bool {
    let References { input, variables, constants, locals, steps, wanted: _ } = references;
    *input || *variables || *constants || !steps.is_empty() || locals.iter().any(|name| name != RESULT)
}

/// What a condition sees that reads nothing but an answer.
struct Answer {
    answer: Json,
    nothing: Json,
}

impl Visible for Answer {
    fn input(&self) -> &Json {
        &self.nothing
    }

    fn variables(&self) -> &Json {
        &self.nothing
    }

    fn constants(&self) -> &Json {
        &self.nothing
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn local(&self, name: &str) -> Option<&Json> {
        (name == RESULT).then_some(&self.answer)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        None
    }
}

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
