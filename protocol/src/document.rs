//! Documents: the stored form of playbooks, executions and tasks, under the names that SOAR backends query. A document
//! is its head, written once, and its state, which changes. A field is added here and in the schema of SQLite; the rest
//! follows from `fields!`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call_record::CallRecord;
use crate::control_history::ControlHistory;
use crate::ending::ExecutionEnding;
use crate::failure::Failure;
use crate::field::{Field, FieldReader, Fields, fields};
use crate::ids::{ExecutionId, Name, PlaybookId, StepId, TaskId, TenantCode};
use crate::input_hash::InputHash;
use crate::json::Json;
use crate::parent::Parent;
use crate::pause::Pause;
use crate::priority::Priority;
use crate::rerun::RerunOf;
use crate::scope::ScopePath;
use crate::signal::ReceivedSignals;
use crate::status::{CacheMode, ExecutionStatus, PlaybookStatus, TaskStatus};
use crate::time::Timestamp;
use crate::undo::UndoRecord;
use crate::wait::Wait;

fields! {
    /// One version of a playbook (`playbook_collection`).
    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PlaybookDocument {
        /// Its id.
        pub pid as "_id": PlaybookId,
        /// Its tenant.
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
        /// When it was first stored.
        pub createddate: Timestamp,
        /// When it last changed.
        pub updated_date: Timestamp,
    }
}

fields! {
    /// The part of an execution that never changes.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct ExecutionHead {
        /// Its tenant.
        pub tenant_code: TenantCode,
        /// The playbook version that it runs.
        pub pid: PlaybookId,
        /// That playbook's name.
        pub playbook_name: Name,
        /// That playbook's version.
        pub playbook_version: u32,
        /// The analyst or service that submitted it.
        pub uid: Option<Arc<str>>,
        /// The alert that it is for.
        pub alert_id: Option<Arc<str>>,
        /// How far ahead of others of its tenant it stands in line.
        pub priority: Priority,
        /// When it was accepted.
        pub createddate: Timestamp,
        /// The alert or other input.
        pub input: Json,
        /// The playbook's variables, overridden by those of the submission.
        pub variables: Json,
        /// The key of the submission: for the same playbook name, the same key gives the same execution.
        pub idempotency_key: Option<Arc<str>>,
        /// The hash of the submission, if there is a key: detects another input under the same key.
        pub input_hash: Option<InputHash>,
        /// The task that started it as its sub-playbook.
        pub parent: Option<Parent>,
        /// The execution that it is the rerun of.
        pub rerun_of: Option<Arc<RerunOf>>,
        /// Whether it uses kept answers of tools.
        pub cache: CacheMode,
    }
}

fields! {
    /// The part of an execution that changes. In an update, `None` leaves a field as it is.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct ExecutionState {
        /// Its status.
        pub execution_status: ExecutionStatus,
        /// When its first step began.
        pub started_date: Option<Timestamp>,
        /// When it last changed.
        pub updated_date: Timestamp,
        /// When it ended.
        pub finished_date: Option<Timestamp>,
        /// Milliseconds from start to end.
        pub playbook_runtime: Option<u64>,
        /// The output of its last step.
        pub output: Option<Json>,
        /// Why it failed.
        pub error: Option<Box<Failure>>,
        /// The signals that it has received.
        pub signals: Option<Arc<ReceivedSignals>>,
        /// Its end, if that is decided and steps run before it.
        pub ending: Option<Box<ExecutionEnding>>,
        /// Its current or last pause.
        pub pause: Option<Arc<Pause>>,
        /// What people have asked of it.
        pub controls: Option<Arc<ControlHistory>>,
        /// Its place among the queued ones of its tenant, of which the earliest begins first; kept when it has begun.
        pub queue_position: Option<Timestamp>,
        /// The priority that a person gave it instead of that of its head.
        pub reprioritised: Option<Priority>,
    }
}

/// One execution (`playbook_execution_collection`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutionDocument {
    /// Its id.
    pub peid: ExecutionId,
    /// The part that never changes.
    #[serde(flatten)]
    pub head: Arc<ExecutionHead>,
    /// The part that changes.
    #[serde(flatten)]
    pub state: ExecutionState,
    /// The fencing number of the writer.
    pub epoch: u64,
    /// The number of its newest update.
    pub seq: u64,
}

fields! {
    /// The part of a task that never changes.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct TaskHead {
        /// Its execution.
        pub peid: ExecutionId,
        /// Its number inside the execution, from 1: the order in which tasks began, for readers.
        pub task_seq: u32,
        /// The step that it runs.
        pub step_id: StepId,
        /// The run of a body that contains the step. With the step it identifies the task.
        pub scope: ScopePath,
        /// Its tenant.
        pub tenant_code: TenantCode,
        /// The alert of its execution.
        pub alert_id: Option<Arc<str>>,
        /// The tool; `updraft` for steps that Updraft itself decides.
        pub integration: Name,
        /// The action of the tool; the kind of the step if Updraft itself decides it.
        pub action: Name,
        /// The task of another execution whose result it took over, as a rerun does.
        pub taken_from: Option<TaskId>,
    }
}

fields! {
    /// The part of a task that changes. In an update, `None` leaves a field as it is.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct TaskState {
        /// Its status.
        pub status: TaskStatus,
        /// The number of its newest attempt, from 1.
        pub attempt: u32,
        /// Its output.
        pub response: Option<Json>,
        /// Why its newest failed attempt failed.
        pub error: Option<Box<Failure>>,
        /// When it began: its arguments were rendered, or it was decided. It is the `now` of its templates.
        pub started_date: Option<Timestamp>,
        /// When it last changed.
        pub updated_date: Timestamp,
        /// Milliseconds from start to end, including waits between attempts.
        pub runtime: Option<u64>,
        /// Its current or last wait.
        pub wait: Option<Box<Wait>>,
        /// The record of its call.
        pub call: Option<Arc<CallRecord>>,
        /// How what it did is taken back.
        pub undo: Option<Arc<UndoRecord>>,
        /// Present while the newest form of `undo` is not registered with a containment: when it is to be.
        pub registration_due: Option<Timestamp>,
    }
}

/// One task (`task_execution_collection`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDocument {
    /// Its id, the key that its tool gets.
    pub task_request_id: TaskId,
    /// The part that never changes.
    #[serde(flatten)]
    pub head: Arc<TaskHead>,
    /// The part that changes.
    #[serde(flatten)]
    pub state: TaskState,
    /// The fencing number of the writer.
    pub epoch: u64,
    /// The number of its newest update.
    pub seq: u64,
}

impl ExecutionState {
    /// A change that sets the status and the instant, and no other field.
    pub fn change(execution_status: ExecutionStatus, now: Timestamp) -> Self {
        Self {
            execution_status,
            started_date: None,
            updated_date: now,
            finished_date: None,
            playbook_runtime: None,
            output: None,
            error: None,
            signals: None,
            ending: None,
            pause: None,
            controls: None,
            queue_position: None,
            reprioritised: None,
        }
    }
}

impl TaskState {
    /// A change that sets the status, the attempt and the instant, and no other field.
    pub fn change(status: TaskStatus, attempt: u32, now: Timestamp) -> Self {
        Self {
            status,
            attempt,
            response: None,
            error: None,
            started_date: None,
            updated_date: now,
            runtime: None,
            wait: None,
            call: None,
            undo: None,
            registration_due: None,
        }
    }
}

impl ExecutionDocument {
    /// How far ahead of others of its tenant it stands in line.
    pub fn priority(&self) -> Priority {
        self.state.reprioritised.unwrap_or(self.head.priority)
    }

    /// Reads a document from a store.
    ///
    /// # Errors
    /// A field that is missing or not valid.
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
    /// Reads a document from a store.
    ///
    /// # Errors
    /// A field that is missing or not valid.
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
