//! The end of an execution: by its playbook, by cancel, by timeout, or because it cannot go on. The first
//! wins: after it, `apply` changes nothing.

use updraft_protocol::{ExecutionStatus, Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::task::Phase;
use super::{Act, Effects, Machine};
use crate::plan::PlannedKind;

impl Machine {
    /// Ends the execution from outside of its playbook: what runs is stopped and recorded.
    pub(super) fn stop(
        &mut self,
        status: ExecutionStatus,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        for index in 0..self.tasks.len() {
            if self.tasks[index].phase == Phase::Ended {
                continue;
            }
            let (seq, step) = (self.tasks[index].seq, self.tasks[index].step);
            let running = self.tasks[index].phase == Phase::Running;
            let at_most_once =
                matches!(&self.plan.step(step).kind, PlannedKind::Action(action) if action.at_most_once);
            let (task_status, failure) = if running && at_most_once {
                let message = format!("the execution was {status} while the tool was called");
                (TaskStatus::Unknown, Some(Failure::new(FailureKind::UnknownOutcome, message)))
            } else {
                (TaskStatus::Cancelled, None)
            };
            self.write_end(seq, task_status, None, failure, now, effects);
            self.tasks[index].phase = Phase::Ended;
            if running {
                effects.acts.push(Act::Stop(seq));
            }
        }
        self.running = 0;
        self.ready.clear();
        self.end_execution(status, None, error, now, effects);
    }

    pub(super) fn end_execution(
        &mut self,
        status: ExecutionStatus,
        output: Option<Json>,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.write_execution_end(status, output, error, now, effects);
        effects.acts.push(Act::End(status));
    }
}
