//! Abandoned executions: the end of an execution without a machine, written from its documents alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use updraft_protocol::playbook::UndoOn;
use updraft_protocol::{
    Asked, ControlHistory, ControlKind, ControlRecord, ExecutionDocument, ExecutionState, ExecutionStatus,
    ExecutionUpdate, Failure, FailureKind, Revision, TaskDocument, TaskId, TaskState, TaskStatus, TaskUpdate,
    Timestamp, UndoStatus, Update, WaitKind,
};

use super::FAILED_CLEANUP;
use super::undos::left_by;
use crate::plan::{FINALLY, UNDO, UPDRAFT};

/// Fails an unfinished execution: returns its document after the failure, and the writes. Tasks that had not ended are
/// cancelled; an attempt that was under way is unknown: its tool may have acted.
pub fn fail_abandoned(
    document: ExecutionDocument,
    tasks: &[TaskDocument],
    epoch: u64,
    failure: Failure,
    now: Timestamp,
) -> (ExecutionDocument, Vec<Update>) {
    let why = |_: TaskStatus| Some(failure.clone());
    end(document, tasks, epoch, (ExecutionStatus::Failed, Some(failure.clone())), why, now)
}

/// Cancels an unfinished execution without a machine, as [`fail_abandoned`] fails one; for a person, unless nobody is
/// named.
pub fn cancel_abandoned(
    document: ExecutionDocument,
    tasks: &[TaskDocument],
    epoch: u64,
    asked: Option<Asked>,
    now: Timestamp,
) -> (ExecutionDocument, Vec<Update>) {
    let mut document = document;
    if let Some(asked) = asked.filter(|_| document.state.ending.is_none()) {
        let record = ControlRecord::new(ControlKind::Cancel, now, asked);
        let history =
            document.state.controls.take().map_or_else(ControlHistory::default, Arc::unwrap_or_clone);
        document.state.controls = Some(Arc::new(history.with(record)));
    }
    let why = |status: TaskStatus| {
        let message = "the execution was cancelled after the tool may have been called";
        (status == TaskStatus::Unknown).then(|| Failure::new(FailureKind::UnknownOutcome, message))
    };
    end(document, tasks, epoch, (ExecutionStatus::Cancelled, None), why, now)
}

fn end(
    mut document: ExecutionDocument,
    tasks: &[TaskDocument],
    epoch: u64,
    (execution_status, error): (ExecutionStatus, Option<Failure>),
    why: impl Fn(TaskStatus) -> Option<Failure>,
    now: Timestamp,
) -> (ExecutionDocument, Vec<Update>) {
    let left = error.as_ref().map_or_else(
        || "the execution was ended without its playbook".to_owned(),
        |failure| failure.message.clone(),
    );
    let why = |task: &TaskDocument| match ending(task) {
        TaskStatus::Cancelled if is_to_clean_up(task) => {
            Some(Failure::new(FailureKind::Cleanup, format!("{FAILED_CLEANUP}: {left}")))
        }
        status => why(status),
    };
    // An end that was decided before stays.
    let (execution_status, error) = match document.state.ending.clone() {
        Some(ending) => (ending.status, ending.error.or(error)),
        None => (execution_status, error),
    };
    let open = tasks.iter().filter(|task| !task.state.status.ended());
    let mut writes: Vec<Update> = open
        .map(|task| {
            Update::from(TaskUpdate {
                task_id: task.task_request_id,
                peid: document.peid,
                revision: Revision { epoch, seq: task.seq + 1 },
                head: None,
                state: TaskState {
                    error: why(task).map(Box::new),
                    runtime: Some(now.since(task.state.started_date.unwrap_or(now))),
                    ..TaskState::change(ending(task), task.state.attempt, now)
                },
                positions: Default::default(),
            })
        })
        .collect();
    writes.extend(not_undone(tasks, execution_status, epoch, now));
    let started = document.state.started_date.unwrap_or(document.head.createddate);
    let state = ExecutionState {
        finished_date: Some(now),
        playbook_runtime: Some(now.since(started)),
        error: error.map(Box::new),
        controls: document.state.controls.clone(),
        ..ExecutionState::change(execution_status, now)
    };
    document.state.merge(state.clone());
    document.epoch = epoch;
    document.seq += 1;
    let revision = Revision { epoch, seq: document.seq };
    writes.push(Update::from(ExecutionUpdate {
        peid: document.peid,
        revision,
        head: None,
        state,
        positions: Default::default(),
    }));
    (document, writes)
}

/// What would be undone before this end, were the playbook there: what expires is released, the rest is told as not undone.
fn not_undone(
    tasks: &[TaskDocument],
    status: ExecutionStatus,
    epoch: u64,
    now: Timestamp,
) -> impl Iterator<Item = Update> {
    let on = UndoOn::end(status);
    let ended = tasks.iter().filter(|task| task.state.status.ended());
    let undone: BTreeSet<TaskId> =
        ended.clone().filter_map(|task| task.state.undo.as_ref()?.of).chain(completed_undos(tasks)).collect();
    ended.filter_map(move |task| {
        let before = task.state.undo.as_deref().filter(|undo| on.is_some_and(|on| undo.on.contains(&on)))?;
        if before.of.is_some() || undone.contains(&task.task_request_id) {
            return None;
        }
        let mut undo = before.clone();
        match undo.hold {
            Some(_) => undo.status = UndoStatus::Released,
            None => {
                let reason = || "the execution was ended without its playbook, and undid nothing".into();
                (undo.status, undo.of) = (UndoStatus::Failed, Some(task.task_request_id));
                undo.reason = undo.reason.or_else(|| Some(reason()));
                undo.hold = Some(left_by(task.task_request_id, now));
            }
        }
        Some(Update::from(TaskUpdate {
            task_id: task.task_request_id,
            peid: task.head.peid,
            revision: Revision { epoch, seq: task.seq + 1 },
            head: None,
            state: TaskState {
                undo: Some(Arc::new(undo)),
                registration_due: Some(now),
                ..TaskState::change(task.state.status, task.state.attempt, now)
            },
            positions: Default::default(),
        }))
    })
}

/// The tasks whose undo has completed: it is a task in their scope `undo`.
fn completed_undos(tasks: &[TaskDocument]) -> impl Iterator<Item = TaskId> {
    let completed = tasks.iter().filter(|task| task.state.status == TaskStatus::Completed);
    let places: BTreeSet<&str> = completed.map(|task| task.head.scope.as_str()).collect();
    let has_undo = move |task: &&TaskDocument| {
        task.state.undo.is_some()
            && places.contains(task.head.scope.inside(&task.head.step_id, UNDO).as_str())
    };
    tasks.iter().filter(has_undo).map(|task| task.task_request_id)
}

/// Whether what runs in any case is left undone, as far as the document of a task says it.
fn is_to_clean_up(task: &TaskDocument) -> bool {
    let cleans_up = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Cleanup);
    cleans_up || (task.head.integration.as_str() == UPDRAFT && task.head.action.as_str() == FINALLY)
}

fn ending(task: &TaskDocument) -> TaskStatus {
    let called = task.head.integration.as_str() != UPDRAFT && task.state.status == TaskStatus::Executing;
    if called { TaskStatus::Unknown } else { TaskStatus::Cancelled }
}
