//! Pauses: an execution that was told to be paused stays so, through crashes too, until it is asked to go on.

use updraft_kernel::invariant::Violation;
use updraft_kernel::machine::Machine;
use updraft_protocol::{Applied, ControlRefusal, ExecutionId};

use super::{Oracle, broken};
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

    /// An execution is asked to go on.
    pub fn may_go_on(&mut self, peid: ExecutionId) {
        self.paused.remove(&peid);
    }

    /// An actor begins: its execution is paused if that was told.
    pub fn is_still_paused(&self, machine: &Machine) -> Result<(), Violation> {
        if machine.is_paused() || machine.ended() || !self.paused.contains(&machine.peid()) {
            return Ok(());
        }
        broken("pauses", format!("{} was told to be paused, and goes on", machine.peid()))
    }
}
