//! The step `action`: a new one waits until another task may run; a recorded one continues from its document.

use updraft_protocol::{Failure, FailureKind, TaskStatus, WaitKind};

use super::Arrival;
use crate::machine::task::{Ending, Phase};
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine, Ready};
use crate::plan::PlannedAction;

impl Machine {
    pub(super) fn arrive_at_action(
        &mut self,
        at: Arrival,
        action: &PlannedAction,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Some(task) = at.recorded else { return self.ready.push_back(Ready::Enter(at.scope, at.step)) };
        let state = &self.task(task).state;
        match (state.status, &state.wait) {
            // The missing configuration, or the room at a cap, may be there after a restart.
            (TaskStatus::Retrying, Some(wait))
                if matches!(wait.kind, WaitKind::Configuration | WaitKind::Guardrail) =>
            {
                self.wait(task, at.now, effects);
            }
            (TaskStatus::Waiting, _) => {
                self.goes_on_waiting(at, effects);
            }
            (TaskStatus::Retrying, wait) => {
                let due = wait.as_ref().and_then(|wait| wait.until).unwrap_or(at.now);
                self.wait(task, due, effects);
            }
            _ if action.at_most_once => {
                let message = "the engine stopped while the tool was called; whether it acted is not known";
                let failure = Failure::new(FailureKind::UnknownOutcome, message);
                work.push(self.end_task(task, Ending::Unknown(failure), at.now, effects));
            }
            _ => {
                self.task_mut(task).phase = Phase::Ready;
                self.ready.push_back(Ready::Again(task));
            }
        }
    }
}
