//! Effects: what shall be done, as data. Writes are made durable first; then the acts are performed.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::{ExecutionStatus, SecretReference, TaskId, Timestamp, Update, Value};

use super::task::TaskSeq;
use crate::plan::StepIndex;

/// What an event brings about.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// Changes of documents: durable before anything in `acts` is done but [`Act::Acquire`].
    pub writes: Vec<Update>,
    /// What to do then, in order.
    pub acts: Vec<Act>,
    /// The writes must not be lost once they are in the log: an `at_most_once` call that has ended cannot come about again.
    pub durable: bool,
}

/// Something to do outside of the machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Get the place that this task's call needs ([`Machine::queued`](super::Machine::queued)), however long that takes. Nothing
    /// is written before, and the tool is not called by it.
    Acquire(TaskId),
    /// Call the tool.
    Start(Box<StartAttempt>),
    /// Drop an attempt that is under way; its outcome is not awaited.
    Stop(TaskSeq),
    /// Tell the machine when an instant has come.
    Arm(Timer, Timestamp),
    /// Tell those who wait that it has ended.
    End(ExecutionStatus),
}

/// An attempt to make.
#[derive(Debug, Clone, PartialEq)]
pub struct StartAttempt {
    /// The task's number.
    pub task: TaskSeq,
    /// Its id, the idempotency key.
    pub task_id: TaskId,
    /// The step that it runs.
    pub step: StepIndex,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The step's arguments, rendered.
    pub arguments: Value,
    /// The secrets that its author refers to.
    pub secrets: Arc<[SecretReference]>,
    /// How long the attempt may take.
    pub timeout: Duration,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The time that the playbook allows.
    Execution,
    /// What the last turn left to decide and to begin.
    Turn,
    /// A `delay`, or the wait before a task's next attempt.
    Task(TaskSeq),
}
