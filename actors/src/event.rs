//! Events of an execution as its readers see them: one for each durable change.

use updraft_kernel::machine::LoopProgress;
use updraft_protocol::{
    ExecutionDocument, ExecutionId, ExecutionStatus, Failure, StepId, TaskDocument, TaskId, TaskStatus,
    Timestamp, Update,
};

/// A change of an execution that is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The execution.
    pub peid: ExecutionId,
    /// The time of the change.
    pub at: Timestamp,
    /// The change.
    pub kind: EventKind,
}

/// The change.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The execution's status.
    Execution {
        /// Its new status.
        status: ExecutionStatus,
    },
    /// A task's status.
    Task {
        /// The task.
        task_id: TaskId,
        /// The step that it runs.
        step_id: Option<StepId>,
        /// Its new status.
        status: TaskStatus,
        /// The number of its newest attempt.
        attempt: u32,
        /// Milliseconds from start to end, once it has ended.
        runtime: Option<u64>,
        /// Why its newest failed attempt failed.
        error: Option<Box<Failure>>,
        /// Of a loop that has ended, how far it came.
        progress: Option<LoopProgress>,
    },
    /// The reader was too slow: this many events were dropped. The end is never dropped.
    Missed(u64),
}

impl Event {
    /// The event of an update.
    pub fn of(peid: ExecutionId, update: &Update) -> Self {
        match update {
            Update::Execution(update) => Self {
                peid,
                at: update.state.updated_date,
                kind: EventKind::Execution { status: update.state.execution_status },
            },
            Update::Task(update) => Self {
                peid,
                at: update.state.updated_date,
                kind: EventKind::Task {
                    task_id: update.task_id,
                    step_id: update.head.as_ref().map(|head| head.step_id.clone()),
                    status: update.state.status,
                    attempt: update.state.attempt,
                    runtime: update.state.runtime,
                    error: update.state.error.clone(),
                    progress: None,
                },
            },
        }
    }

    /// The event with the current status of a task.
    pub fn of_task(task: &TaskDocument) -> Self {
        Self {
            peid: task.head.peid,
            at: task.state.updated_date,
            kind: EventKind::Task {
                task_id: task.task_request_id,
                step_id: Some(task.head.step_id.clone()),
                status: task.state.status,
                attempt: task.state.attempt,
                runtime: task.state.runtime,
                error: task.state.error.clone(),
                progress: LoopProgress::at_end(task),
            },
        }
    }

    /// The event with the current status of an execution.
    pub fn of_execution(execution: &ExecutionDocument) -> Self {
        Self {
            peid: execution.peid,
            at: execution.state.updated_date,
            kind: EventKind::Execution { status: execution.state.execution_status },
        }
    }

    /// Whether it is the last event.
    pub fn is_end(&self) -> bool {
        matches!(self.kind, EventKind::Execution { status } if status.ended())
    }
}
