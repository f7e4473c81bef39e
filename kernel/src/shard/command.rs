//! What happens to a shard, and what it asks for, as values.

use updraft_protocol::{ExecutionId, Failure, Timestamp};

use super::load::{Load, Since};
use crate::execution::Exit;

/// Something that happened to the executions of a shard.
#[derive(Debug)]
pub enum ShardEvent<S> {
    /// A new execution is durable, and starts from this.
    Accepted(ExecutionId, S),
    /// An execution is not finished and has no actor: it is read back, once the store has enough of it.
    Unfinished(ExecutionId, Since),
    /// What the store has of an execution, as [`ShardCommand::Load`] asked.
    Loaded(ExecutionId, Loaded<S>),
    /// An execution's actor has ended.
    Exited(ExecutionId, Exit),
    /// An execution's actor has died, or what read it.
    Died(ExecutionId),
    /// Somebody asks something of an execution, or has asked before its actor parked it.
    Asked(ExecutionId),
    /// The end of an execution that was given up is durable.
    GivenUp(ExecutionId),
    /// The journal will not have the end of an execution that was given up.
    NotGivenUp(ExecutionId),
    /// The alarm has come, or the clock was set.
    Alarm,
    /// Nothing may stay running.
    Drain,
}

/// What the store has of an execution.
#[derive(Debug)]
pub enum Loaded<S> {
    /// It is unfinished.
    Unfinished {
        /// What it starts from.
        start: S,
        /// Why it cannot go on, where it cannot.
        failure: Option<Failure>,
    },
    /// It has ended.
    Ended,
    /// It was never accepted, or cannot be read here.
    Nothing,
}

/// Something to be done for a shard.
#[derive(Debug)]
#[must_use]
pub enum ShardCommand<S> {
    /// Start an execution's actor from this; it sees what is asked of it.
    Start(ExecutionId, S),
    /// Have an execution's actor see what is asked of it.
    Look(ExecutionId),
    /// Have an execution's actor begin nothing more.
    Drain(ExecutionId),
    /// Read an execution; answered by [`ShardEvent::Loaded`].
    Load {
        /// Which execution.
        peid: ExecutionId,
        /// What must be so before.
        load: Load,
    },
    /// Somebody waits for an execution that is being read: it waits for no permit.
    Hurry(ExecutionId),
    /// Fail an execution from its documents; answered by [`ShardEvent::GivenUp`] or [`ShardEvent::NotGivenUp`].
    GiveUp {
        /// Which execution.
        peid: ExecutionId,
        /// Its documents.
        start: S,
        /// Why.
        failure: Failure,
    },
    /// Give back the permit of an execution that is left to the next start.
    Release(ExecutionId),
    /// Tell those who wait for an execution that its end is not told here.
    Lose(ExecutionId),
    /// Forget an execution.
    Forget(ExecutionId),
    /// Send [`ShardEvent::Alarm`] at this instant, instead of at that of an earlier alarm.
    SetAlarm(Timestamp),
    /// Nothing runs any more.
    Drained,
}
