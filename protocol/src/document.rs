//! Documents: what the store keeps of playbooks, executions and tasks, under the names that SOAR
//! backends query. A document is its head, written once, and its state, which changes. A field is added here and in
//! the schema of SQLite; what else is the same for every field follows from `fields!`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call_record::CallRecord;
use crate::failure::Failure;
use crate::field::{Field, FieldReader, Fields, fields};
use crate::ids::{ExecutionId, Name, PlaybookId, StepId, TaskId, TenantCode};
use crate::input_hash::InputHash;
use crate::json::Json;
use crate::scope::ScopePath;
use crate::status::{ExecutionStatus, PlaybookStatus, TaskStatus};
use crate::time::Timestamp;
use crate::wait::Wait;

fields! {
    /// One version of a playbook (`playbook_collection`).
    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PlaybookDocument {
        /// Its id.
        pub pid as "_id": PlaybookId,
        /// Whose it is.
        pub tenant_code: TenantCode,
        /// Its name, unique with the version inside a tenant.
        pub name: Name,
        /// Its version.
        pub version: u32,
        /// Whether it may be submitted.
        pub status: PlaybookStatus,
        /// The catalogue's category.
        pub category_id: Option<String>,
        /// The playbook as JSON.
        pub definition: Json,
        /// When it was first put.
        pub createddate: Timestamp,
        /// When it last changed.
        pub updated_date: Timestamp,
    }
}

fields! {
    /// What of an execution never changes.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct ExecutionHead {
        /// Whose it is.
        pub tenant_code: TenantCode,
        /// The playbook version that it runs.
        pub pid: PlaybookId,
        /// That playbook's name.
        pub playbook_name: Name,
        /// That playbook's version.
        pub playbook_version: u32,
        /// The analyst or service that submitted it.
        pub uid: Option<Arc<str>>,
        /// The alert that it answers.
        pub alert_id: Option<Arc<str>>,
        /// 0 is the lowest.
        pub priority: u8,
        /// When it was accepted.
        pub createddate: Timestamp,
        /// The alert or other input.
        pub input: Json,
        /// The playbook's variables with those of the submission over them.
        pub variables: Json,
        /// The submission's own key: for the same playbook name, the same key gives the same execution.
        pub idempotency_key: Option<Arc<str>>,
        /// The hash of what was submitted, where there is a key: another input under the same key is told by it.
        pub input_hash: Option<InputHash>,
    }
}

fields! {
    /// What of an execution changes. In an update, `None` leaves a field as it is.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct ExecutionState {
        /// Where it stands.
        pub execution_status: ExecutionStatus,
        /// When its first step began.
        pub started_date: Option<Timestamp>,
        /// When it last changed.
        pub updated_date: Timestamp,
        /// When it ended.
        pub finished_date: Option<Timestamp>,
        /// Milliseconds from start to end.
        pub playbook_runtime: Option<u64>,
        /// What its last step gave.
        pub output: Option<Json>,
        /// Why it failed.
        pub error: Option<Box<Failure>>,
    }
}

/// One execution (`playbook_execution_collection`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutionDocument {
    /// Its id.
    pub peid: ExecutionId,
    /// What never changes.
    #[serde(flatten)]
    pub head: Arc<ExecutionHead>,
    /// What changes.
    #[serde(flatten)]
    pub state: ExecutionState,
    /// The fencing number of the writer.
    pub epoch: u64,
    /// The number of its newest update.
    pub seq: u64,
}

fields! {
    /// What of a task never changes.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct TaskHead {
        /// The execution that it belongs to.
        pub peid: ExecutionId,
        /// Its number inside the execution, from 1: the order in which tasks began, for those who read them.
        pub task_seq: u32,
        /// The step that it runs.
        pub step_id: StepId,
        /// The run of a body in which that step stands. With the step it names the task.
        pub scope: ScopePath,
        /// Whose it is.
        pub tenant_code: TenantCode,
        /// The alert that its execution answers.
        pub alert_id: Option<Arc<str>>,
        /// The tool; `updraft` for steps that Updraft decides itself.
        pub integration: Name,
        /// What the tool does; the kind of the step where Updraft decides it.
        pub action: Name,
    }
}

fields! {
    /// What of a task changes. In an update, `None` leaves a field as it is.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct TaskState {
        /// Where it stands.
        pub status: TaskStatus,
        /// The number of its newest attempt, from 1.
        pub attempt: u32,
        /// What it gave.
        pub response: Option<Json>,
        /// Why its newest failed attempt failed.
        pub error: Option<Box<Failure>>,
        /// When its first attempt began.
        pub started_date: Option<Timestamp>,
        /// When it last changed.
        pub updated_date: Timestamp,
        /// Milliseconds from start to end, waits between attempts included.
        pub runtime: Option<u64>,
        /// What it waits for while it does, or what it last waited for.
        pub wait: Option<Box<Wait>>,
        /// What its tool was told.
        pub call: Option<Arc<CallRecord>>,
    }
}

/// One task (`task_execution_collection`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDocument {
    /// Its id, the key that its tool is given.
    pub task_request_id: TaskId,
    /// What never changes.
    #[serde(flatten)]
    pub head: Arc<TaskHead>,
    /// What changes.
    #[serde(flatten)]
    pub state: TaskState,
    /// The fencing number of the writer.
    pub epoch: u64,
    /// The number of its newest update.
    pub seq: u64,
}

impl ExecutionDocument {
    /// Takes a document from a store.
    ///
    /// # Errors
    /// A field that is missing or not what it should be.
    pub fn read<R: FieldReader>(from: &mut R) -> Result<Self, R::Error> {
        Ok(Self {
            peid: Field::read("_id", from)?,
            head: Arc::new(ExecutionHead::read_fields(from)?),
            state: ExecutionState::read_fields(from)?,
            epoch: Field::read("epoch", from)?,
            seq: Field::read("seq", from)?,
        })
    }
}

impl TaskDocument {
    /// Takes a document from a store.
    ///
    /// # Errors
    /// A field that is missing or not what it should be.
    pub fn read<R: FieldReader>(from: &mut R) -> Result<Self, R::Error> {
        Ok(Self {
            task_request_id: Field::read("_id", from)?,
            head: Arc::new(TaskHead::read_fields(from)?),
            state: TaskState::read_fields(from)?,
            epoch: Field::read("epoch", from)?,
            seq: Field::read("seq", from)?,
        })
    }
}
