//! Pauses and skips: an execution that was told to be paused stays so, through crashes too, until it is asked to go on; an
//! approval is skipped by an operator alone.

use updraft_kernel::invariant::Violation;
use updraft_kernel::machine::Machine;
use updraft_protocol::{Applied, ControlRefusal, ExecutionId, TaskId};

use super::{Oracle, broken};
use crate::execution::Ask;
use crate::scenario::ClientControl;

impl Oracle {
    /// A pause, or its end, was answered.
    pub fn pause_told(
        &mut self,
        control: ClientControl,
        machine: &Machine,
        told: &Result<Applied, ControlRefusal>,
    ) -> Result<(), Violation> {
        self.pauses.insert(control);
        // It may have been asked to go on meanwhile, which is not answered yet.
        if machine.is_paused() {
            self.paused.insert(machine.peid());
        }
        match told {
            Ok(Applied::Paused | Applied::Resumed | Applied::Repeated) | Err(ControlRefusal::NotPaused) => {
                Ok(())
            }
            Err(ControlRefusal::Ended(status)) if status.ended() => Ok(()),
            other => broken("pauses", format!("{control:?} of {} was told {other:?}", machine.peid())),
        }
    }

    /// An execution is asked to go on, or to wait no longer.
    pub fn asked(&mut self, ask: &Ask, peid: ExecutionId) {
        match ask {
            Ask::Resume(..) => {
                self.paused.remove(&peid);
            }
            Ask::Skip(_, task, _) => {
                self.skipped.insert(*task);
            }
            _ => {}
        }
    }

    /// A skip was answered: an approval is skipped by a person with the right to it alone.
    pub fn skip_told(
        &mut self,
        control: ClientControl,
        task: TaskId,
        machine: &Machine,
        told: &Result<Applied, ControlRefusal>,
    ) -> Result<(), Violation> {
        self.skips.insert(control);
        let tasks = machine.task_documents();
        let gate = tasks.iter().find(|found| found.task_request_id == task);
        let is_gate =
            gate.is_some_and(|gate| gate.state.wait.as_ref().is_some_and(|wait| wait.gate.is_some()));
        if *told == Ok(Applied::Skipped) && is_gate && !control.may_operate() {
            return broken("skips", format!("{task} is an approval, and {control:?} was {told:?}"));
        }
        Ok(())
    }

    /// An actor begins: its execution is paused if that was told.
    pub fn is_still_paused(&self, machine: &Machine) -> Result<(), Violation> {
        let ends = machine.ended() || machine.ending().is_some();
        if machine.is_paused() || ends || !self.paused.contains(&machine.peid()) {
            return Ok(());
        }
        broken("pauses", format!("{} was told to be paused, and goes on", machine.peid()))
    }
}
