//! The invariants of pauses: nothing begins meanwhile, and what was to be paused has not failed instead.

use updraft_protocol::playbook::ON_CANCEL;
use updraft_protocol::{
    ControlKind, ExecutionDocument, FailureKind, PauseCause, TaskDocument, TaskStatus, Update, Wait, WaitKind,
};

use super::{Violation, violated};
use crate::machine::{Act, Effects, Machine};
use crate::plan::{FINALLY, Plan, PlannedAction};

/// While an execution is paused, no task and no attempt begins.
pub fn nothing_begins_while_paused(machine: &Machine, effects: &Effects) -> Result<(), Violation> {
    let is_attempt = |act: &&Act| matches!(act, Act::Start(_) | Act::Acquire(_));
    // A call that is refused its place is recorded then, and the pause may be for its sake.
    let is_held = |wait: &Wait| wait.kind == WaitKind::LastFailure;
    let is_new = |update: &&Update| {
        matches!(update, Update::Task(task) if task.head.is_some()
            && !task.state.wait.as_deref().is_some_and(is_held))
    };
    let (attempt, task) = (effects.acts.iter().find(is_attempt), effects.writes.iter().find(is_new));
    if !machine.is_paused() || (attempt.is_none() && task.is_none()) {
        return Ok(());
    }
    violated("nothing begins while paused", format!("{}: {attempt:?} {task:?}", machine.peid()))
}

/// A task whose last attempt has failed is held by a pause alone, and a pause for a failure names a task that it holds.
pub fn held_by_a_pause(machine: &Machine) -> Result<(), Violation> {
    if machine.has_held_tasks() && !machine.is_paused() {
        return violated("held by a pause", format!("{} goes on, and holds a task", machine.peid()));
    }
    let state = machine.document().state;
    let Some(pause) = state.pause.filter(|_| machine.is_paused()) else { return Ok(()) };
    match &pause.cause {
        PauseCause::LastFailure { task, .. } if !machine.holds_task(*task) => {
            violated("held by a pause", format!("{} is paused for {task}, which is not held", machine.peid()))
        }
        _ => Ok(()),
    }
}

/// A step that pauses in place of failing has failed only after its wait for a person was over, or was skipped. What was not
/// attempted, what cleans up, and what no longer counts is not held.
pub fn paused_before_it_failed(
    plan: &Plan,
    execution: &ExecutionDocument,
    tasks: &[TaskDocument],
) -> Result<(), Violation> {
    let history = execution.state.controls.as_deref();
    // What a rerun has taken over was skipped in the first execution.
    let failed =
        |task: &&TaskDocument| task.state.status == TaskStatus::Failed && task.head.taken_from.is_none();
    for task in tasks.iter().filter(failed) {
        let (state, step) = (&task.state, plan.index_of(&task.head.step_id).map(|index| plan.step(index)));
        let Some(action) = step.and_then(PlannedAction::of).filter(|action| action.pauses) else { continue };
        let kind = state.error.as_ref().map(|error| error.kind);
        let cleans_up = {
            let scope = task.head.scope.as_str();
            let is_cleanup = |body: &str| body == FINALLY || body == ON_CANCEL;
            scope.split('/').filter_map(|own| own.split_once(':')).any(|(_, body)| is_cleanup(body))
        };
        let was_skipped = history.is_some_and(|history| {
            let skips = |task_id| {
                let is_skip = |kind| kind == ControlKind::Skip;
                history.newest.iter().any(|known| is_skip(known.kind) && known.task == Some(task_id))
            };
            history.earlier > 0 || skips(task.task_request_id)
        });
        let fits = match state.wait.as_deref().filter(|wait| wait.kind == WaitKind::LastFailure) {
            Some(wait) => was_skipped || wait.until.is_some_and(|until| until <= state.updated_date),
            None => {
                cleans_up
                    || action.at_most_once
                    || matches!(kind, Some(FailureKind::Template | FailureKind::TooLarge))
            }
        };
        if !fits {
            return violated("paused before it failed", format!("{}: {state:?}", task.head.step_id));
        }
    }
    Ok(())
}
