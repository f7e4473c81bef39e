//! Updates: changes of documents on their way to the store. The newest wins, field by field.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::{ExecutionHead, ExecutionState, TaskHead, TaskState};
use crate::failure::Failure;
use crate::ids::{ExecutionId, TaskId};
use crate::json::Json;

/// Which document an update is for.
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
    /// Which.
    pub peid: ExecutionId,
    /// How new.
    pub revision: Revision,
    /// Present where the store cannot have the document yet.
    pub head: Option<Arc<ExecutionHead>>,
    /// The fields that changed.
    pub state: ExecutionState,
}

/// A change of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskUpdate {
    /// Which.
    pub task_id: TaskId,
    /// The execution that it belongs to, so that whoever holds the update alone knows whom it concerns.
    pub peid: ExecutionId,
    /// How new.
    pub revision: Revision,
    /// Present where the store cannot have the document yet.
    pub head: Option<Arc<TaskHead>>,
    /// The fields that changed.
    pub state: TaskState,
}

/// A change of one document. Cheap to clone and to move: it waits, flies and is tried again without being copied.
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

impl ExecutionState {
    /// Lays a newer change over this one: what it names wins.
    pub fn merge(&mut self, newer: Self) {
        self.execution_status = newer.execution_status;
        self.updated_date = newer.updated_date;
        over(&mut self.started_date, newer.started_date);
        over(&mut self.finished_date, newer.finished_date);
        over(&mut self.playbook_runtime, newer.playbook_runtime);
        over(&mut self.output, newer.output);
        over(&mut self.error, newer.error);
    }
}

impl TaskState {
    /// Lays a newer change over this one: what it names wins.
    pub fn merge(&mut self, newer: Self) {
        self.status = newer.status;
        self.attempt = newer.attempt;
        self.updated_date = newer.updated_date;
        over(&mut self.response, newer.response);
        over(&mut self.error, newer.error);
        over(&mut self.started_date, newer.started_date);
        over(&mut self.runtime, newer.runtime);
    }
}

impl Update {
    /// Which document it changes.
    pub fn document(&self) -> DocumentId {
        match self {
            Self::Execution(update) => DocumentId::Execution(update.peid),
            Self::Task(update) => DocumentId::Task(update.task_id),
        }
    }

    /// Which execution it belongs to.
    pub fn execution(&self) -> ExecutionId {
        match self {
            Self::Execution(update) => update.peid,
            Self::Task(update) => update.peid,
        }
    }

    /// How new it is.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Execution(update) => update.revision,
            Self::Task(update) => update.revision,
        }
    }

    /// Whether it is the last of its document, as far as anybody knows: the execution or the task has ended.
    pub fn ended(&self) -> bool {
        match self {
            Self::Execution(update) => update.state.execution_status.ended(),
            Self::Task(update) => update.state.status.ended(),
        }
    }

    /// Lays another update of the same document over this one, or under it where that one is older.
    /// An update of another document changes nothing.
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
                over(&mut this.head, newer.head);
                this.state.merge(newer.state);
            }
            (Self::Task(this), Self::Task(newer)) if this.task_id == newer.task_id => {
                let (this, newer) = (Arc::make_mut(this), Arc::unwrap_or_clone(newer));
                this.revision = newer.revision;
                over(&mut this.head, newer.head);
                this.state.merge(newer.state);
            }
            _ => debug_assert!(false, "updates of two documents are never merged"),
        }
    }

    /// About how many bytes the update takes in memory and in a message; for limits. JSON counts as its text:
    /// where a store's form of it is larger, the store sees to its own messages.
    pub fn bytes(&self) -> usize {
        /// Ids, dates, the names of the fields, and a place in the coalescer.
        const STATE: usize = 384;
        match self {
            Self::Execution(update) => {
                let head = update.head.as_ref().map_or(0, |head| head.bytes());
                STATE + head + json(&update.state.output) + message(&update.state.error)
            }
            Self::Task(update) => {
                let head = update.head.as_ref().map_or(0, |head| head.bytes());
                STATE + head + json(&update.state.response) + message(&update.state.error)
            }
        }
    }
}

/// What the fields of a head take beside their texts.
const HEAD_BYTES: usize = 256;

impl ExecutionHead {
    fn bytes(&self) -> usize {
        let names = self.tenant_code.as_str().len() + self.playbook_name.as_str().len();
        let keys = text(&self.uid) + text(&self.alert_id) + text(&self.idempotency_key);
        HEAD_BYTES + names + keys + self.input.as_str().len() + self.variables.as_str().len()
    }
}

impl TaskHead {
    fn bytes(&self) -> usize {
        let names = [self.tenant_code.as_str(), self.step_id.as_str(), self.integration.as_str()];
        let names: usize = names.iter().map(|name| name.len()).sum();
        HEAD_BYTES + names + self.action.as_str().len() + text(&self.alert_id)
    }
}

fn json(json: &Option<Json>) -> usize {
    json.as_ref().map_or(0, |json| json.as_str().len())
}

fn message(error: &Option<Failure>) -> usize {
    error.as_ref().map_or(0, |error| error.message.len())
}

fn text(text: &Option<Arc<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}

fn over<T>(field: &mut Option<T>, newer: Option<T>) {
    if newer.is_some() {
        *field = newer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                status,
                attempt: 1,
                response,
                error: None,
                started_date: (seq == 1).then_some(Timestamp(10)),
                updated_date: Timestamp(seq),
                runtime: None,
            },
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

    #[test]
    fn what_is_counted_is_no_less_than_what_it_takes() {
        let filled = |length: usize| -> Update {
            let key: Option<Arc<str>> = Some("k".repeat(length).into());
            let name = |letter: &str| crate::ids::Name::new(letter.repeat(length)).unwrap();
            let tenant_code = crate::ids::TenantCode::new("t".repeat(length)).unwrap();
            let mut update =
                update(1, TaskStatus::Failed, Some(Json::from(serde_json::json!("r".repeat(length)))));
            let Update::Task(task) = &mut update else { panic!("a task") };
            let task = Arc::make_mut(task);
            task.state.error = Some(Failure::new(crate::failure::FailureKind::Status, "m".repeat(length)));
            task.head = Some(Arc::new(TaskHead {
                peid: task.peid,
                task_seq: 1,
                step_id: crate::ids::StepId::new("s".repeat(length)).unwrap(),
                iteration: 0,
                tenant_code,
                alert_id: key,
                integration: name("i"),
                action: name("a"),
            }));
            update
        };
        // With the two numbers of those who hold it.
        let counted = std::mem::size_of::<Update>() + 2 * std::mem::size_of::<usize>();
        for length in [1, 64] {
            let update = filled(length);
            let takes =
                counted + std::mem::size_of::<TaskUpdate>() + std::mem::size_of::<TaskHead>() + 7 * length;
            assert!(update.bytes() >= takes, "{} of {takes}", update.bytes());
            assert!(update.bytes() >= serde_json::to_string(&update).unwrap().len());
        }
        assert_eq!(filled(64).bytes() - filled(1).bytes(), 7 * 63, "every text counts");
        let bare = counted + std::mem::size_of::<ExecutionUpdate>() + 64;
        assert!(self::update(2, TaskStatus::Completed, None).bytes() >= bare, "and a place in the coalescer");
    }
}
