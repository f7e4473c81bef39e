//! Documents over the local socket, in their parts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use updraft_actors::Inspection;
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, ExecutionState, TaskDocument, TaskHead, TaskId, TaskState,
};

use super::message::Answer;

/// An execution in its parts: flattened into one object, the digits of numbers would be lost in reading.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Execution {
    peid: ExecutionId,
    head: Arc<ExecutionHead>,
    state: ExecutionState,
    epoch: u64,
    seq: u64,
}

/// A task in its parts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    task_request_id: TaskId,
    head: Arc<TaskHead>,
    state: TaskState,
    epoch: u64,
    seq: u64,
}

impl From<ExecutionDocument> for Answer {
    fn from(document: ExecutionDocument) -> Self {
        let ExecutionDocument { peid, head, state, epoch, seq } = document;
        Self::Execution(Box::new(Execution { peid, head, state, epoch, seq }))
    }
}

impl From<TaskDocument> for Answer {
    fn from(document: TaskDocument) -> Self {
        let TaskDocument { task_request_id, head, state, epoch, seq } = document;
        Self::Task(Box::new(Task { task_request_id, head, state, epoch, seq }))
    }
}

impl From<Execution> for ExecutionDocument {
    fn from(Execution { peid, head, state, epoch, seq }: Execution) -> Self {
        Self { peid, head, state, epoch, seq }
    }
}

impl From<Task> for TaskDocument {
    fn from(Task { task_request_id, head, state, epoch, seq }: Task) -> Self {
        Self { task_request_id, head, state, epoch, seq }
    }
}

/// The lines of an execution with its tasks.
pub(super) fn lines_of(inspection: Inspection) -> impl Iterator<Item = Answer> {
    let execution = Arc::unwrap_or_clone(inspection.execution);
    std::iter::once(Answer::from(execution)).chain(inspection.tasks.into_iter().map(Answer::from))
}
