//! Effects: the results of an event, as data. Writes are made durable first; then the acts are performed.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::{
    Applied, ControlRefusal, ExecutionStatus, Json, Parent, PlaybookChoice, SecretReference, TaskId,
    Timestamp, Update, Value,
};

use super::task_seq::TaskSeq;
use crate::plan::StepIndex;

/// The effects of an event.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// Changes of documents: durable before any of `acts` is performed, except [`Act::Acquire`],
    /// [`Act::StopWaiting`] and [`Act::Unlock`].
    pub writes: Vec<Update>,
    /// The acts, in order.
    pub acts: Vec<Act>,
    /// A crash must not undo the writes: an `at_most_once` call that has ended cannot be repeated.
    pub durable: bool,
    /// What a control came to, if the event was one that does not stop the execution.
    pub reply: Option<Result<Applied, ControlRefusal>>,
}

/// An act outside of the machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Find a kept answer for this task's call ([`Machine::cached_call`](super::Machine::cached_call)), or get the permit that it
    /// needs ([`Machine::waiting_call`](super::Machine::waiting_call)), however long that takes. Nothing is written before, and the tool is not called.
    Acquire(TaskId),
    /// Call the tool.
    Start(Box<StartAttempt>),
    /// Drop an attempt that is under way; its outcome is not awaited.
    Stop(TaskSeq),
    /// Drop the wait of this task's call for a permit, or the permit: the call is not made. It follows no write, so
    /// that it never comes after a later [`Act::Acquire`] of the same call.
    StopWaiting(TaskId),
    /// Give back the lock that the owner of bodies with this id has, which its path has left. It follows no write, where what was
    /// called there has ended: what a crash has called again locks again first. Calls that are dropped are dropped before.
    Unlock(TaskId),
    /// Start the child of a task, unless it is there, and report how it ended to the task.
    StartChild(Box<StartChild>),
    /// Cancel the child of this task, and report how it ended to the task.
    StopChild(TaskId),
    /// Set a timer.
    Arm(Timer, Timestamp),
    /// Report the end to the callers that wait for it.
    End(ExecutionStatus),
}

/// An attempt to be made.
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
    /// The number of the call among those of this machine, which its end has to name: an attempt that was withdrawn before it was
    /// sent is made again under the same number, and its own end may still be on its way.
    pub call: u32,
    /// The step's arguments, rendered.
    pub arguments: Value,
    /// The secrets that the step refers to.
    pub secrets: Arc<[SecretReference]>,
    /// How long the attempt may take.
    pub timeout: Duration,
}

/// A sub-playbook to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct StartChild {
    /// The task that starts it, from which its id follows.
    pub parent: Parent,
    /// The playbook.
    pub playbook: PlaybookChoice,
    /// Its input.
    pub input: Json,
}

/// The purpose of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The timeout of the playbook.
    Execution,
    /// The next turn: work that the last one left.
    Turn,
    /// The wait of a task: a `delay`, the wait before its next attempt, the time that a signal has to come.
    Task(TaskSeq),
}
