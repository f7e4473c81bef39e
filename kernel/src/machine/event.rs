//! Events: what can happen to an execution, as values.

use updraft_protocol::{Failure, Json, TaskId};

use super::effect::Timer;
use super::task::TaskSeq;

/// Something that happened to an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum MachineEvent {
    /// An attempt ended. Of an attempt that is no longer awaited, it changes nothing.
    AttemptEnded {
        /// The task that it was for.
        task: TaskSeq,
        /// Its number.
        attempt: u32,
        /// What it gave, or why it failed.
        outcome: Result<Json, Failure>,
    },
    /// A call that [`Act::Acquire`](super::Act::Acquire) had stand in line has its place, or cannot have one. Of one that stands
    /// there no more, it changes nothing.
    Acquired {
        /// The task that it is for.
        task: TaskId,
        /// Why it cannot.
        outcome: Result<(), Failure>,
    },
    /// A timer is due. One that is no longer awaited changes nothing.
    TimerDue(Timer),
    /// Someone asked to cancel it.
    Cancel,
    /// It cannot go on, for a reason outside of its playbook.
    Fail(Failure),
}
