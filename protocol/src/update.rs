//! Updates: changes of documents on their way to the store. The newest wins, field by field.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::{ExecutionHead, ExecutionState, TaskHead, TaskState};
use crate::event::{ExecutionPositions, TaskPositions};
use crate::ids::{ExecutionId, TaskId};

/// The document of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentId {
    /// An execution.
    Execution(ExecutionId),
    /// A task.
    Task(TaskId),
}

/// The age of an update: a writer with a newer epoch wins, then the higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// The fencing number of the writer.
    pub epoch: u64,
    /// The number of the update inside its document, from 1.
    pub seq: u64,
}

/// A change of one execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionUpdate {
    /// The execution.
    pub peid: ExecutionId,
    /// Its revision.
    pub revision: Revision,
    /// Present if the store may not have the document yet.
    pub head: Option<Arc<ExecutionHead>>,
    /// The fields that changed.
    pub state: ExecutionState,
    /// The places of the events that it tells. Only the writer gives them, and only lists of events read them.
    #[serde(skip)]
    pub positions: ExecutionPositions,
}

/// A change of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskUpdate {
    /// The task.
    pub task_id: TaskId,
    /// Its execution, so that the update alone identifies it.
    pub peid: ExecutionId,
    /// Its revision.
    pub revision: Revision,
    /// Present if the store may not have the document yet.
    pub head: Option<Arc<TaskHead>>,
    /// The fields that changed.
    pub state: TaskState,
    /// The place of the event that it tells, as that of an [`ExecutionUpdate`].
    #[serde(skip)]
    pub positions: TaskPositions,
}

/// A change of one document. Cheap to clone and to move: it waits, is sent and is retried without being copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Update {
    /// Of an execution.
    Execution(Arc<ExecutionUpdate>),
    /// Of a task.
    Task(Arc<TaskUpdate>),
}

impl From<ExecutionUpdate> for Update {
    fn from(update: ExecutionUpdate) -> Self {
        Self::Execution(Arc::new(update))
    }
}

impl From<TaskUpdate> for Update {
    fn from(update: TaskUpdate) -> Self {
        Self::Task(Arc::new(update))
    }
}

impl Update {
    /// The document that it changes.
    pub fn document(&self) -> DocumentId {
        match self {
            Self::Execution(update) => DocumentId::Execution(update.peid),
            Self::Task(update) => DocumentId::Task(update.task_id),
        }
    }

    /// The execution that it belongs to.
    pub fn execution(&self) -> ExecutionId {
        match self {
            Self::Execution(update) => update.peid,
            Self::Task(update) => update.peid,
        }
    }

    /// Its revision.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Execution(update) => update.revision,
            Self::Task(update) => update.revision,
        }
    }

    /// Whether it is the last of its document: the execution or the task has ended.
    pub fn ended(&self) -> bool {
        match self {
            Self::Execution(update) => update.state.execution_status.ended(),
            Self::Task(update) => update.state.status.ended(),
        }
    }

    /// Merges another update of the same document; the fields of the newer one win. An update of another document
    /// changes nothing.
    pub fn merge(&mut self, other: Self) {
        if other.revision() < self.revision() {
            let newer = std::mem::replace(self, other);
            self.merge_newer(newer);
        } else {
            self.merge_newer(other);
        }
    }

    fn merge_newer(&mut self, newer: Self) {
        match (self, newer) {
            (Self::Execution(this), Self::Execution(newer)) if this.peid == newer.peid => {
                let (this, newer) = (Arc::make_mut(this), Arc::unwrap_or_clone(newer));
                this.revision = newer.revision;
                this.head = newer.head.or_else(|| this.head.take());
                this.state.merge(newer.state);
                this.positions.merge(newer.positions);
            }
            (Self::Task(this), Self::Task(newer)) if this.task_id == newer.task_id => {
                let (this, newer) = (Arc::make_mut(this), Arc::unwrap_or_clone(newer));
                this.revision = newer.revision;
                this.head = newer.head.or_else(|| this.head.take());
                this.state.merge(newer.state);
                this.positions.merge(newer.positions);
            }
            _ => debug_assert!(false, "updates of two documents are never merged"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::status::TaskStatus;
    use crate::time::Timestamp;
    use uuid::Uuid;

    fn update(seq: u64, status: TaskStatus, response: Option<Json>) -> Update {
        Update::from(TaskUpdate {
            task_id: TaskId::new(Uuid::from_u128(7)),
            peid: ExecutionId::new(Uuid::from_u128(1)),
            revision: Revision { epoch: 1, seq },
            head: None,
            state: TaskState {
                response,
                started_date: (seq == 1).then_some(Timestamp(10)),
                ..TaskState::change(status, 1, Timestamp(seq))
            },
            positions: Default::default(),
        })
    }

    #[test]
    fn the_newest_wins_field_by_field_in_either_order() {
        let old = update(1, TaskStatus::Executing, None);
        let new = update(2, TaskStatus::Completed, Some(Json::null()));
        let mut forth = old.clone();
        forth.merge(new.clone());
        let mut back = new;
        back.merge(old);
        assert_eq!(forth, back);
        let Update::Task(merged) = forth else { panic!("a task") };
        assert_eq!(merged.state.status, TaskStatus::Completed);
        assert_eq!(merged.state.started_date, Some(Timestamp(10)));
    }
}
