//! Permits: a call that may have to wait for a place asks for it before its intent is written. Owns the calls that stand in
//! line, each with what was rendered for it; nothing is written of them, so that a crash finds them not attempted. Counts no
//! places of tools: who carries the execution gets them from the integration.

use updraft_protocol::{Failure, TaskId, Timestamp, Value};

use super::scope::ScopeId;
use super::task::TaskSeq;
use super::{Act, Effects, Machine, Ready};
use crate::plan::{PlannedAction, StepIndex};

/// A call that stands in line. It takes one of the execution's places among the tasks that run.
#[derive(Debug)]
pub(super) struct Queued {
    task_id: TaskId,
    work: Ready,
    step: StepIndex,
    arguments: Value,
}

impl Machine {
    /// The step of a call that stands in line, and its arguments.
    pub fn queued(&self, task: TaskId) -> Option<(StepIndex, &Value)> {
        let queued = self.line.iter().find(|queued| queued.task_id == task)?;
        Some((queued.step, &queued.arguments))
    }

    /// Has a call stand in line.
    pub(super) fn acquire(
        &mut self,
        work: Ready,
        (scope, step): (ScopeId, StepIndex),
        arguments: Value,
        effects: &mut Effects,
    ) {
        let task_id = TaskId::derive(self.peid, self.scopes.path(scope), &self.plan.step(step).id);
        self.running += 1;
        self.line.push(Queued { task_id, work, step, arguments });
        effects.acts.push(Act::Acquire(task_id));
    }

    /// A call has its place, or cannot have one: then its attempt fails without having been made. Of a call that left the line
    /// before, it changes nothing.
    pub(super) fn acquired(
        &mut self,
        task: TaskId,
        outcome: Result<(), Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(at) = self.line.iter().position(|queued| queued.task_id == task) else { return };
        let Queued { work, step, arguments, .. } = self.line.remove(at);
        self.running -= 1;
        let plan = self.plan.clone();
        let Some(action) = PlannedAction::of(plan.step(step)) else { return };
        match outcome {
            Ok(()) => self.start_attempt(work, action, arguments, now, effects),
            Err(failure) => {
                let (task, attempt) = self.count_attempt(work, now);
                let failure = failure.with_may_have_acted(false);
                self.attempt_ended(task, attempt, Err(failure), now, effects);
            }
        }
    }

    /// All leave the line: they are ready, as before they came to it.
    pub(super) fn leave_line(&mut self) {
        self.running -= self.line.len();
        self.ready.extend(self.line.drain(..).map(|queued| queued.work));
    }

    /// The task of work that begins now: a new one, or that which waited.
    pub(super) fn task_of(&mut self, work: Ready, now: Timestamp) -> TaskSeq {
        match work {
            Ready::Enter(scope, step) => self.add(scope, step, now),
            Ready::Again(task) => task,
        }
    }
}
