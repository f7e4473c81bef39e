//! The events and commands of a shard.

use updraft_protocol::{ExecutionId, Failure, Timestamp};

use super::load::{Load, Since};
use crate::execution::Exit;

/// An event of a shard.
#[derive(Debug)]
pub enum ShardEvent<S> {
    /// A new execution is durable, and starts from this data.
    Accepted(ExecutionId, S),
    /// An execution is unfinished and has no actor: it is read back once the store has enough of it.
    Unfinished(ExecutionId, Since),
    /// The result of a [`ShardCommand::Load`].
    Loaded(ExecutionId, Loaded<S>),
    /// An execution's actor has ended.
    Exited(ExecutionId, Exit),
    /// An execution's actor, or the task that read it, has died.
    Died(ExecutionId),
    /// An execution has a new control, or had one before its actor parked it.
    Asked(ExecutionId),
    /// A child of an execution has reported.
    Woken(ExecutionId),
    /// The end of an abandoned execution is durable.
    GivenUp(ExecutionId),
    /// The journal refuses the end of an abandoned execution.
    NotGivenUp(ExecutionId),
    /// The alarm is due, or the clock was set.
    Alarm,
    /// The engine drains.
    Drain,
}

/// The state of an execution in the store.
#[derive(Debug)]
pub enum Loaded<S> {
    /// It is unfinished.
    Unfinished {
        /// The data that it starts from.
        start: S,
        /// Why it cannot be resumed, if so.
        failure: Option<Failure>,
    },
    /// It has ended.
    Ended,
    /// It was never accepted, or this engine cannot read it.
    Nothing,
}

/// A command of a shard to its driver.
#[derive(Debug)]
#[must_use]
pub enum ShardCommand<S> {
    /// Start an execution's actor from this data; the actor looks at its controls by itself.
    Start(ExecutionId, S),
    /// Have an execution's actor look at its controls.
    Look(ExecutionId),
    /// Have an execution's actor begin nothing more.
    Drain(ExecutionId),
    /// Read an execution; answered by [`ShardEvent::Loaded`].
    Load {
        /// The execution.
        peid: ExecutionId,
        /// The conditions before the read.
        load: Load,
    },
    /// A control waits for an execution that is being read: the read needs no permit.
    Hurry(ExecutionId),
    /// Fail an execution from its documents; answered by [`ShardEvent::GivenUp`] or [`ShardEvent::NotGivenUp`].
    GiveUp {
        /// The execution.
        peid: ExecutionId,
        /// Its documents.
        start: S,
        /// Why.
        failure: Failure,
    },
    /// Give back the admission permit of an execution that is left to the next start.
    Release(ExecutionId),
    /// Report to the callers that wait for an execution that this engine will not see its end.
    Lose(ExecutionId),
    /// Forget an execution.
    Forget(ExecutionId),
    /// Send [`ShardEvent::Alarm`] at this instant; replaces an earlier alarm.
    SetAlarm(Timestamp),
    /// Nothing runs any more: the drain is complete.
    Drained,
}
