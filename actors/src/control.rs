//! Controls: what handles ask of an execution that runs here, and what they are answered. Answered when everything
//! before is durable, so that nobody reads what a crash could take back. Until then the registry entry of the execution
//! holds them, and actors see no more of them than `HeldControl`.

use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};
use updraft_kernel::execution::ExecutionControl;
use updraft_kernel::machine::MachineEvent;
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

/// What a handle asks of an execution. A reply that is dropped means that the execution has ended, or is lost to this engine.
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

/// A control that the registry entry holds, as an execution's actor sees it.
#[derive(Debug)]
pub(crate) struct HeldControl {
    pub(crate) number: u64,
    event: Option<MachineEvent>,
}

impl HeldControl {
    pub(crate) fn of(number: u64, control: &Control) -> Self {
        let event = match control {
            Control::Cancel(_) => Some(MachineEvent::Cancel),
            Control::Fail(failure) => Some(MachineEvent::Fail(failure.clone())),
            Control::Inspect(_) | Control::Follow(_) => None,
        };
        Self { number, event }
    }
}

impl ExecutionControl for HeldControl {
    fn event(&self) -> Option<MachineEvent> {
        self.event.clone()
    }
}
