//! The controls of an execution in a run, and what each is to its machine. Answers none.

use updraft_kernel::execution::ExecutionControl;
use updraft_kernel::machine::{ChildReport, MachineEvent};
use updraft_protocol::{ApprovalAnswer, Asked, Failure, Priority, Signal, TaskId, Timestamp};

use crate::scenario::{ClientControl, PEOPLE};

/// The person who asks for controls.
pub(crate) fn asked() -> Asked {
    Asked { uid: PEOPLE[0].into(), reason: "the tools are replaced".into() }
}

/// A control of an execution.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Cancel it.
    Cancel(usize),
    /// A signal.
    Signal(ClientControl, Signal, Asked),
    /// An answer to the approval of this task.
    Answer(ClientControl, TaskId, ApprovalAnswer),
    /// A pause.
    Pause(ClientControl, Asked),
    /// The end of a pause.
    Resume(ClientControl, Asked),
    /// The skip of a task.
    Skip(ClientControl, TaskId, Asked),
    /// Another end of the wait of a task.
    ExtendWait(ClientControl, TaskId, Timestamp, Asked),
    /// Another priority, while it is queued.
    Prioritise(ClientControl, Priority),
    /// All that is of its scope is paused.
    Hold(Asked),
    /// Its scope goes on.
    LetGo(Asked),
    /// Its parent cancels it.
    Stop,
    /// The child of a task reports.
    Child(TaskId, ChildReport),
    /// Fail it.
    Fail(Failure),
}

impl Ask {
    /// The control of a client that it is.
    pub fn control(&self) -> Option<ClientControl> {
        match self {
            Self::Cancel(number) => Some(ClientControl::Cancel(*number)),
            Self::Signal(control, ..)
            | Self::Answer(control, ..)
            | Self::Pause(control, _)
            | Self::Resume(control, _)
            | Self::Skip(control, ..)
            | Self::ExtendWait(control, ..)
            | Self::Prioritise(control, _) => Some(*control),
            Self::Hold(_) | Self::LetGo(_) | Self::Stop | Self::Child(..) | Self::Fail(_) => None,
        }
    }
}

/// A control that the registry holds, as an actor sees it.
#[derive(Debug)]
pub struct HeldAsk {
    /// Its number.
    pub number: u64,
    /// The control.
    pub ask: Ask,
}

impl ExecutionControl for HeldAsk {
    fn event(&self) -> Option<MachineEvent> {
        Some(match &self.ask {
            Ask::Cancel(_) => MachineEvent::Cancel(Some(asked())),
            Ask::Stop => MachineEvent::Cancel(None),
            Ask::Child(task, report) => MachineEvent::Child { task: *task, report: report.clone() },
            Ask::Signal(_, signal, asked) => MachineEvent::Signal(signal.clone(), asked.clone()),
            Ask::Answer(_, task, answer) => MachineEvent::Answer { task: *task, answer: answer.clone() },
            Ask::Prioritise(..) => return None,
            Ask::Hold(asked) => MachineEvent::Pause(asked.clone()),
            Ask::LetGo(asked) => MachineEvent::Resume(asked.clone()),
            Ask::Pause(_, asked) => MachineEvent::Pause(asked.clone()),
            Ask::Resume(_, asked) => MachineEvent::Resume(asked.clone()),
            Ask::Skip(control, task, asked) => {
                let may_operate = control.may_operate();
                MachineEvent::Skip { task: *task, asked: asked.clone(), may_operate }
            }
            Ask::ExtendWait(_, task, until, asked) => {
                MachineEvent::ExtendWait { task: *task, until: *until, asked: asked.clone() }
            }
            Ask::Fail(failure) => MachineEvent::Fail(failure.clone()),
        })
    }
}
