//! What happens to an execution, and what it asks for, as values.

use updraft_protocol::{Failure, Json, TaskId, Timestamp, Update};

use crate::machine::{Act, MachineEvent, TaskSeq, Timer};

/// Something that somebody asks of an execution, as far as it is looked into.
pub trait ExecutionControl {
    /// What the machine is told; none where it is only to be answered.
    fn event(&self) -> Option<MachineEvent>;
}

/// Something that happened to an execution.
#[derive(Debug)]
pub enum ExecutionEvent<C> {
    /// Its commit stands here in the log, as it needs to.
    Committed(u64),
    /// The journal will not have its commit.
    Refused,
    /// An attempt ended. Of one that is no longer awaited, it changes nothing.
    AttemptEnded {
        /// The task that it was for.
        task: TaskSeq,
        /// Its number.
        attempt: u32,
        /// What it gave, or why it failed.
        outcome: Result<Json, Failure>,
    },
    /// A call has its place, or cannot have one. Of one that left the line, it changes nothing.
    Acquired {
        /// The task that it is for.
        task: TaskId,
        /// Why it cannot.
        outcome: Result<(), Failure>,
    },
    /// A timer is due.
    TimerDue(Timer),
    /// Somebody asks something of it.
    Asked(C),
    /// Nothing more may begin; it leaves when what was sent has ended.
    Drain,
    /// Attempts were withdrawn, as [`ExecutionCommand::Withdraw`] asked.
    Withdrawn {
        /// Tasks whose attempt was not sent, and from now on never is.
        unsent: Vec<TaskSeq>,
        /// Tasks whose attempt has ended, which the machine has not heard yet, and whose tool has not acted.
        not_acted: Vec<TaskSeq>,
    },
}

/// What the answer to an append to the log must mean. The stronger need is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Its place is certain, and it is durable some time later. A crash may take it back: what it says comes about again.
    Behind,
    /// A crash leaves it, and everything that was appended before.
    Durable,
}

/// Something to be done for an execution.
#[derive(Debug)]
#[must_use]
pub enum ExecutionCommand<C> {
    /// Append these to the log, all or none; answered by [`ExecutionEvent::Committed`] or [`ExecutionEvent::Refused`].
    Commit {
        /// What was decided; nothing, where only what was committed before is to be durable.
        writes: Vec<Update>,
        /// What its answer must mean.
        need: Need,
    },
    /// Perform an act, now that its cause is durable; [`Act::Acquire`] has none that need be.
    Perform(Act),
    /// Keep from being sent what was not, and have all calls leave the line; answered by [`ExecutionEvent::Withdrawn`] before
    /// anything else.
    Withdraw,
    /// Answer who asked, now that everything before is durable.
    Answer {
        /// What was asked.
        control: C,
        /// Whether the machine was told of it; it had ended before otherwise, or was only looked at.
        applied: bool,
    },
    /// Leave memory until `due`, where nobody needs it there; its last write stands at `lsn`.
    Park {
        /// The instant that it waits for.
        due: Timestamp,
        /// The position.
        lsn: u64,
    },
    /// Leave for good.
    Leave(Exit),
}

/// Why an execution has left its actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It has ended.
    Ended,
    /// It waits for an instant that is far away; its last write stands at `lsn`.
    Parked {
        /// The instant.
        due: Timestamp,
        /// The position.
        lsn: u64,
    },
    /// It does nothing any more, as it was asked.
    Drained,
    /// Its documents cannot be resumed, for this reason.
    Unfit(String),
    /// The journal will not have its writes.
    Lost,
}
