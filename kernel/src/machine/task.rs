//! A task inside the machine: one run of one step, and what it waits for.

use updraft_protocol::{ExecutionId, Failure, Json, Revision, TaskId, TaskState, TaskStatus, Timestamp};

use super::path::PathId;
use crate::plan::StepIndex;

/// A task's number inside its execution, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskSeq(pub u32);

impl TaskSeq {
    pub(super) fn index(self) -> usize {
        self.0 as usize - 1
    }
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) seq: TaskSeq,
    pub(super) step: StepIndex,
    pub(super) path: PathId,
    pub(super) state: TaskState,
    /// That of the document's newest update; number 0 while there is none.
    pub(super) revision: Revision,
    pub(super) phase: Phase,
}

/// What a task waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// The walk of `resume` to come to it.
    Recorded,
    /// Its attempt.
    Running,
    /// The end of its execution: its attempt was dropped before it was sent.
    Unsent,
    /// A free place for its next attempt.
    Ready,
    /// An instant.
    Waiting(Timestamp),
    /// The paths that it opened.
    Joining { open: u32, failure: Option<Box<Failure>> },
    /// Nothing: it has ended.
    Ended,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed(Option<Json>),
    Failed(Failure),
    /// An `end` step that ends its path as failed, with the output that it gives.
    EndedFailed(Failure, Json),
    Unknown(Failure),
}

impl Task {
    pub(super) fn id(&self, peid: ExecutionId) -> TaskId {
        TaskId::derive(peid, self.seq.0)
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting(due) => Some(due),
            _ => None,
        }
    }

    /// The ending that an ended task's document tells of.
    pub(super) fn recorded_ending(&self) -> Option<Ending> {
        let failure = || {
            self.state.error.clone().unwrap_or_else(|| {
                Failure::new(updraft_protocol::FailureKind::Playbook, "its document gives no reason")
            })
        };
        match self.state.status {
            TaskStatus::Completed => Some(Ending::Completed(self.state.response.clone())),
            TaskStatus::Failed | TaskStatus::Cancelled => Some(Ending::Failed(failure())),
            TaskStatus::Unknown => Some(Ending::Unknown(failure())),
            TaskStatus::Executing | TaskStatus::Retrying => None,
        }
    }
}
