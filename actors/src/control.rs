//! Controls: what handles ask of an execution that runs here, and what they are answered. Answered when everything
//! before is durable, so that nobody reads what a crash could take back.

use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};
use updraft_protocol::{ExecutionDocument, ExecutionStatus, TaskDocument};

use crate::event::Event;

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CancelVerdict {
    /// The execution is cancelled by it.
    Cancelled,
    /// The execution had ended before, so.
    AlreadyEnded(ExecutionStatus),
}

/// An execution and its tasks at one durable moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The execution.
    pub execution: Arc<ExecutionDocument>,
    /// Its tasks, in order.
    pub tasks: Vec<TaskDocument>,
}

/// What a handle asks of an execution. A reply that is dropped means that the execution does not run here any more.
#[derive(Debug)]
pub enum Control {
    /// End it.
    Cancel(oneshot::Sender<CancelVerdict>),
    /// Tell where it stands.
    Inspect(oneshot::Sender<Inspection>),
    /// Tell where it stands, and every event from then on.
    Follow(oneshot::Sender<(Inspection, broadcast::Receiver<Event>)>),
    /// Fail it: the store will never take one of its documents.
    Fail(updraft_protocol::Failure),
}
