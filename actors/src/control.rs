//! Controls: the requests of handles to a running execution, with their replies. A reply is sent when everything before
//! it is durable, so that no caller reads a state that a crash could undo. Until then the registry entry of the
//! execution holds the control, and actors see only a `HeldControl` of it.

use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};
use updraft_kernel::execution::ExecutionControl;
use updraft_kernel::machine::{ChildReport, MachineEvent, RunningLoop};
use updraft_protocol::{
    Applied, Asked, ControlRefusal, ExecutionDocument, ExecutionStatus, TaskDocument, TaskId,
};

use crate::event::Event;

/// The result of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CancelVerdict {
    /// The request has cancelled the execution.
    Cancelled,
    /// The execution had ended before, with this status.
    AlreadyEnded(ExecutionStatus),
}

/// An execution and its tasks at one durable moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The execution.
    pub execution: Arc<ExecutionDocument>,
    /// Its tasks, in order.
    pub tasks: Vec<TaskDocument>,
    /// Whether they are all there. A running execution keeps no tasks of ended items of a `for_each`: those are in the
    /// store alone.
    pub whole: bool,
}

/// The request of a handle to an execution. A dropped reply means that the execution has ended, or left this engine.
#[derive(Debug)]
pub enum Control {
    /// Cancel it, for a person unless nobody is named.
    Cancel(Option<Asked>, oneshot::Sender<CancelVerdict>),
    /// Apply an event that does not stop it: an answer, a signal.
    Apply(MachineEvent, oneshot::Sender<Result<Applied, ControlRefusal>>),
    /// Report its state.
    Inspect(oneshot::Sender<Inspection>),
    /// Report how far its loops have come.
    Loops(oneshot::Sender<Vec<RunningLoop>>),
    /// Report its state, and every event from then on.
    Follow(oneshot::Sender<(Inspection, broadcast::Receiver<Event>)>),
    /// The child of one of its tasks reports. Nobody waits for an answer.
    Child(TaskId, ChildReport),
    /// Fail it: the store refuses one of its documents for good.
    Fail(updraft_protocol::Failure),
}

impl Control {
    /// Whether a caller waits for the answer.
    pub(crate) fn is_awaited(&self) -> bool {
        !matches!(self, Self::Child(..))
    }
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
            Control::Cancel(asked, _) => Some(MachineEvent::Cancel(asked.clone())),
            Control::Apply(event, _) => Some(event.clone()),
            Control::Child(task, report) => Some(MachineEvent::Child { task: *task, report: report.clone() }),
            Control::Fail(failure) => Some(MachineEvent::Fail(failure.clone())),
            Control::Inspect(_) | Control::Loops(_) | Control::Follow(_) => None,
        };
        Self { number, event }
    }
}

impl ExecutionControl for HeldControl {
    fn event(&self) -> Option<MachineEvent> {
        self.event.clone()
    }
}
