//! The events of an execution's machine.

use updraft_protocol::{ApprovalAnswer, Asked, Failure, Json, Signal, TaskId, Timestamp};

use super::cached::LookedUp;
use super::child::ChildReport;
use super::effect::Timer;
use super::guarded::CallHold;
use super::task_seq::TaskSeq;

/// An event of an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum MachineEvent {
    /// An attempt ended. Ignored if its call is no longer awaited.
    AttemptEnded {
        /// The task of the attempt.
        task: TaskSeq,
        /// The number of its call ([`StartAttempt::call`](crate::machine::StartAttempt::call)).
        call: u32,
        /// Its output or its failure.
        outcome: Result<Json, Failure>,
    },
    /// A call that waits for a permit ([`Act::Acquire`](super::Act::Acquire)) has it, or was refused it. Ignored if the
    /// call no longer waits.
    Acquired {
        /// The task of the call.
        task: TaskId,
        /// Why the permit was refused, if it was.
        outcome: Result<(), Failure>,
    },
    /// Kept answers were asked for a call that waits ([`Machine::cached_call`](super::Machine::cached_call)). Ignored if the
    /// call no longer waits.
    LookedUp {
        /// The task of the call.
        task: TaskId,
        /// What was found.
        found: LookedUp,
    },
    /// A guardrail holds a call back that waits for a permit. Ignored if the call no longer waits.
    HeldBack {
        /// The task of the call.
        task: TaskId,
        /// How.
        hold: Box<CallHold>,
    },
    /// A timer is due. Ignored if it is no longer awaited.
    TimerDue(Timer),
    /// A person answers an approval. Answered by [`Effects::reply`](super::Effects::reply).
    Answer {
        /// The task of the approval.
        task: TaskId,
        /// The answer.
        answer: ApprovalAnswer,
    },
    /// A signal came. Answered by [`Effects::reply`](super::Effects::reply).
    Signal(Signal, Asked),
    /// A person pauses the execution. Answered by [`Effects::reply`](super::Effects::reply).
    Pause(Asked),
    /// A person lets a paused execution go on. Answered by [`Effects::reply`](super::Effects::reply).
    Resume(Asked),
    /// A person ends the wait of a task. Answered by [`Effects::reply`](super::Effects::reply).
    Skip {
        /// The task.
        task: TaskId,
        /// Who asks for it, and why.
        asked: Asked,
        /// Whether the person has the right `operate`, as the caller knows.
        may_operate: bool,
    },
    /// The child of a task reports. Ignored if the task no longer waits for it.
    Child {
        /// The task.
        task: TaskId,
        /// What became of the child.
        report: ChildReport,
    },
    /// A person changes when the wait of a task ends. Answered by [`Effects::reply`](super::Effects::reply).
    ExtendWait {
        /// The task.
        task: TaskId,
        /// When its wait is to end.
        until: Timestamp,
        /// Who asks for it, and why.
        asked: Asked,
    },
    /// The execution is to be cancelled, by a person unless nobody is named.
    Cancel(Option<Asked>),
    /// It cannot continue, for a reason outside of its playbook.
    Fail(Failure),
}

impl MachineEvent {
    /// Whether the event is a control that stops the execution.
    pub fn stops(&self) -> bool {
        matches!(self, Self::Cancel(_) | Self::Fail(_))
    }
}
