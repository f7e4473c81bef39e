//! The calls of the reconciler of containments, and what they give. Makes none.

use updraft_protocol::{
    ContainmentDocument, ContainmentId, ExecutionId, TaskDocument, TaskId, TenantCode, Timestamp,
};

use crate::containment::round::{RoundProgress, UndoRound};

/// The end of a page of tasks whose holds are not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldCursor {
    /// When the hold of the last one is due to be registered.
    pub due: Timestamp,
    /// Its id.
    pub task: TaskId,
}

/// The end of a page of containments that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueCursor {
    /// When the last one is due.
    pub due: Timestamp,
    /// Its id.
    pub id: ContainmentId,
}

/// A call that the reconciler asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum ReconcilerCommand {
    /// A page of tasks whose holds are not registered.
    ReadHolds(Option<HoldCursor>),
    /// A page of containments that are due by an instant.
    ReadDue(Timestamp, Option<DueCursor>),
    /// A containment.
    Read(TenantCode, ContainmentId),
    /// A containment is stored in place of the one with this revision, or of none.
    Put(ContainmentDocument, Option<u64>),
    /// The holds of these tasks are registered.
    Mark(Vec<TaskDocument>),
    /// A round is submitted.
    Submit(Box<UndoRound>),
    /// The execution of a round is looked at.
    Follow(TenantCode, ExecutionId),
    /// There is nothing to do until the next look.
    Rest,
}

/// What a call has given.
#[derive(Debug, Clone, PartialEq)]
pub enum ReconcilerEvent {
    /// It is time to look.
    Look,
    /// The page of tasks.
    Holds(Vec<TaskDocument>),
    /// The page of containments.
    Due(Vec<ContainmentDocument>),
    /// The containment, if there is one.
    Read(Option<ContainmentDocument>),
    /// Whether the containment was as it was read, and is stored.
    Put(bool),
    /// The tasks are marked.
    Marked,
    /// How far the round is.
    Round(RoundProgress),
    /// The call has failed; what it would have changed may be changed or not.
    Failed,
}

impl HoldCursor {
    /// The cursor after this task; none if its hold is registered.
    pub fn of(task: &TaskDocument) -> Option<Self> {
        task.state.registration_due.map(|due| Self { due, task: task.task_request_id })
    }
}

impl DueCursor {
    /// The cursor after this containment; none if nothing is due.
    pub fn of(document: &ContainmentDocument) -> Option<Self> {
        document.due.map(|due| Self { due, id: document.id })
    }
}
