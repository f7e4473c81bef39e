//! The end of an execution: by its playbook, by cancel, by timeout, or because it cannot continue. The first end is
//! final: after it, `apply` changes nothing.

use updraft_protocol::{ExecutionStatus, Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::task::Phase;
use super::task_seq::TaskSeq;
use super::{Act, Effects, Machine};
use crate::plan::PlannedKind;

/// Whether an execution executes, ends, or has ended.
#[derive(Debug)]
pub(super) enum ExecutionPhase {
    /// Its playbook is walked.
    Executing,
    /// Its end is decided; work that must be done before the end would be done now. There is none yet, so it ends at
    /// once.
    Ending(Box<Outcome>),
    /// Nothing changes any more.
    Ended,
}

/// How an execution ends.
#[derive(Debug)]
pub(super) struct Outcome {
    status: ExecutionStatus,
    output: Option<Json>,
    error: Option<Failure>,
}

impl Machine {
    /// Ends the execution from outside of its playbook: running tasks are stopped and recorded.
    pub(super) fn stop(
        &mut self,
        status: ExecutionStatus,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let open = self.tasks.iter().filter(|task| task.phase != Phase::Ended);
        let open: Vec<TaskSeq> = open.map(|task| task.seq).collect();
        for seq in open {
            let running = self.task(seq).phase == Phase::Running;
            let at_most_once = matches!(
                &self.plan.step(self.task(seq).step).kind,
                PlannedKind::Action(action) if action.at_most_once
            );
            let (task_status, failure) = if running && at_most_once {
                let message = format!("the execution was {status} while the tool was called");
                (TaskStatus::Unknown, Some(Failure::new(FailureKind::UnknownOutcome, message)))
            } else {
                (TaskStatus::Cancelled, None)
            };
            self.write_end(seq, task_status, None, failure, now, effects);
            self.task_mut(seq).phase = Phase::Ended;
            if running {
                effects.acts.push(Act::Stop(seq));
            }
        }
        self.running = 0;
        self.waiting_calls.clear();
        self.ready.clear();
        self.undecided.clear();
        self.begin_end(status, None, error, now, effects);
    }

    /// Decides how the execution ends; later ends do not change it.
    pub(super) fn begin_end(
        &mut self,
        status: ExecutionStatus,
        output: Option<Json>,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if matches!(self.phase, ExecutionPhase::Executing) {
            self.phase = ExecutionPhase::Ending(Box::new(Outcome { status, output, error }));
        }
        self.end_when_clean(now, effects);
    }

    /// Ends the execution if no work is left before the end.
    fn end_when_clean(&mut self, now: Timestamp, effects: &mut Effects) {
        if let ExecutionPhase::Ending(outcome) = std::mem::replace(&mut self.phase, ExecutionPhase::Ended) {
            let Outcome { status, output, error } = *outcome;
            self.write_execution_end(status, output, error, now, effects);
            effects.acts.push(Act::End(status));
        }
    }
}
