//! Whether what a task did still stands: its undo may have been made, before the end of its execution or later, by the reconciler of
//! containments. Owns what the documents say of that; what follows for a rerun is decided in `rerun.rs`.

use std::collections::BTreeMap;

use updraft_protocol::{
    ContainmentDocument, ContainmentId, ContainmentStatus, Hold, TaskDocument, TaskId, TaskStatus, Timestamp,
    UndoRecord, UndoStatus, WaitKind,
};

use super::{Place, openers, place};
use crate::containment::containment_of;
use crate::plan::{UNDO, UPDRAFT};

/// What has become of what a task did. A task of which nothing is said stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its undo did not complete: it is not known whether that acted.
    Doubtful,
    /// It was undone, or what it contained is not contained any more.
    TakenBack,
}

/// The containments that say something of these tasks.
pub fn containments_of(tasks: &[TaskDocument]) -> impl Iterator<Item = ContainmentId> {
    tasks.iter().filter_map(|task| containment_of(task).map(|(id, ..)| id))
}

/// The tasks whose effect does not stand for certain, by these containments.
pub fn standings(
    tasks: &[TaskDocument],
    containments: &BTreeMap<ContainmentId, ContainmentDocument>,
    now: Timestamp,
) -> BTreeMap<TaskId, Standing> {
    let mut found: BTreeMap<TaskId, Standing> = undone(tasks).collect();
    for task in tasks {
        let Some((id, undo, hold)) = containment_of(task) else { continue };
        let holder = undo.of.unwrap_or(task.task_request_id);
        // What is not registered yet, no containment tells.
        let containment = containments.get(&id).filter(|_| task.state.registration_due.is_none());
        match containment {
            Some(containment) if containment.status == ContainmentStatus::Kept => {
                found.remove(&holder);
            }
            Some(containment) => {
                let standing = contained(containment, holder, now);
                found.extend(standing.map(|standing| (holder, standing)));
            }
            None if is_over(undo, hold, now) => {
                found.insert(holder, Standing::TakenBack);
            }
            None => {}
        }
    }
    found
}

/// The tasks whose sub-playbook completed: what it did is what they did.
pub fn parents_of(tasks: &[TaskDocument]) -> impl Iterator<Item = TaskId> {
    let is_parent = |task: &&TaskDocument| {
        let has_child = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Child);
        has_child && task.state.status == TaskStatus::Completed
    };
    tasks.iter().filter(is_parent).map(|task| task.task_request_id)
}

/// What the tasks of undos say of the tasks that they undo.
fn undone(tasks: &[TaskDocument]) -> impl Iterator<Item = (TaskId, Standing)> {
    let actions = tasks.iter().filter(|task| task.head.integration.as_str() != UPDRAFT);
    let by_place: BTreeMap<Place<'_>, TaskId> = actions
        .map(|task| ((task.head.scope.as_str(), task.head.step_id.as_str()), task.task_request_id))
        .collect();
    tasks.iter().filter_map(move |undo| {
        let opener = openers(&undo.head.scope).next().filter(|(.., body)| *body == UNDO)?;
        let of = by_place.get(&place(opener))?;
        let is_done = undo.state.status == TaskStatus::Completed;
        Some((*of, if is_done { Standing::TakenBack } else { Standing::Doubtful }))
    })
}

/// What a containment says of a task that holds it, or held it.
fn contained(containment: &ContainmentDocument, holder: TaskId, now: Timestamp) -> Option<Standing> {
    let holds = containment.details.holders.iter().find(|known| known.task == holder);
    let holds = holds.is_some_and(|holder| holder.ended.is_none());
    match containment.status {
        ContainmentStatus::Kept => None,
        ContainmentStatus::Active if holds && containment.until > now => None,
        ContainmentStatus::Undoing if holds => None,
        ContainmentStatus::UndoFailed => (containment.details.failures > 0).then_some(Standing::Doubtful),
        ContainmentStatus::Active | ContainmentStatus::Undoing | ContainmentStatus::Undone => {
            Some(Standing::TakenBack)
        }
    }
}

/// Whether what no containment tells of yet is to be undone already.
fn is_over(undo: &UndoRecord, hold: &Hold, now: Timestamp) -> bool {
    match undo.status {
        UndoStatus::Registered => hold.until <= now,
        UndoStatus::Released => true,
        UndoStatus::Failed => false,
    }
}
