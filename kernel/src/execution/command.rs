//! The events and commands of an execution.

use updraft_protocol::{Applied, ControlRefusal, Failure, Json, TaskId, Timestamp, Update};

use crate::machine::{Act, CallHold, LookedUp, MachineEvent, TaskSeq, Timer};

/// A control, as far as the execution looks into it.
pub trait ExecutionControl {
    /// The event for the machine; `None` if the control only wants an answer.
    fn event(&self) -> Option<MachineEvent>;
}

/// An event of an execution.
#[derive(Debug)]
pub enum ExecutionEvent<C> {
    /// Its commit is in the log at this position, as durable as it needs to be.
    Committed(u64),
    /// The journal refuses its commit.
    Refused,
    /// An attempt ended. Ignored if its call is no longer awaited.
    AttemptEnded {
        /// The task of the attempt.
        task: TaskSeq,
        /// The number of its call ([`StartAttempt::call`](crate::machine::StartAttempt::call)).
        call: u32,
        /// Its output or its failure.
        outcome: Result<Json, Failure>,
    },
    /// A call has its permit, or was refused one. Ignored if the call no longer waits.
    Acquired {
        /// The task of the call.
        task: TaskId,
        /// Why the permit was refused, if it was.
        outcome: Result<(), Failure>,
    },
    /// Kept answers were asked for a call that waits. Ignored if the call no longer waits.
    LookedUp {
        /// The task of the call.
        task: TaskId,
        /// What was found.
        found: LookedUp,
    },
    /// A guardrail holds a call back. Ignored if the call no longer waits.
    HeldBack {
        /// The task of the call.
        task: TaskId,
        /// How.
        hold: Box<CallHold>,
    },
    /// A timer is due.
    TimerDue(Timer),
    /// A control arrived.
    Asked(C),
    /// Its parent has ended without it: it is cancelled.
    Orphaned,
    /// The engine drains: nothing more begins, and the execution leaves when the requests that were sent have ended.
    Drain,
    /// Attempts were withdrawn, as [`ExecutionCommand::Withdraw`] demands.
    Withdrawn {
        /// Tasks whose attempt was not sent, and never will be.
        unsent: Vec<TaskSeq>,
        /// Tasks whose attempt has ended without its tool acting; the machine has not had the event yet.
        not_acted: Vec<TaskSeq>,
    },
}

/// How durable an append to the log must be before it is answered. The stronger need is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Its position is certain; it becomes durable some time later. A crash may undo it: what it records is then
    /// repeated.
    Behind,
    /// It survives a crash, as does everything that was appended before.
    Durable,
}

/// A command of an execution to its driver.
#[derive(Debug)]
#[must_use]
pub enum ExecutionCommand<C> {
    /// Append these to the log, all or none; answered by [`ExecutionEvent::Committed`] or [`ExecutionEvent::Refused`].
    Commit {
        /// The updates; empty if only earlier commits are to become durable.
        writes: Vec<Update>,
        /// How durable they must be before the answer.
        need: Need,
    },
    /// Perform an act, now that its cause is durable; [`Act::Acquire`], [`Act::StopWaiting`] and [`Act::Unlock`] have no cause that must be.
    Perform(Act),
    /// Drop every attempt that is not sent yet, and every wait for a permit; answered by [`ExecutionEvent::Withdrawn`]
    /// before any other event.
    Withdraw,
    /// Answer a control, now that everything before is durable.
    Answer {
        /// The control.
        control: C,
        /// What it came to.
        outcome: ControlOutcome,
    },
    /// Leave memory until `due`, unless somebody needs it there; its last write is at `lsn` in the log.
    Park {
        /// The instant that it waits for.
        due: Timestamp,
        /// The position.
        lsn: u64,
    },
    /// Leave for good.
    Leave(Exit),
}

/// What a control came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlOutcome {
    /// It has stopped the execution.
    Stopped,
    /// The machine has applied or refused it, and goes on.
    Replied(Result<Applied, ControlRefusal>),
    /// The machine did not get it: the execution had ended before, or the control only asks for the status.
    Untouched,
}

/// Why an execution leaves its actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It has ended.
    Ended,
    /// It waits for an instant that is far away; its last write is at `lsn` in the log.
    Parked {
        /// The instant.
        due: Timestamp,
        /// The position.
        lsn: u64,
    },
    /// The engine drains, and nothing of it runs any more.
    Drained,
    /// It cannot be resumed from its documents, for this reason.
    Unfit(String),
    /// The journal refuses its writes.
    Lost,
}
