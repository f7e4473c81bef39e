//! Permits: a call that needs one acquires it before its intent is written. Owns the calls that wait for a permit, each with
//! its rendered arguments. Nothing is written of a waiting call, so that after a crash it has not been attempted. Counts no
//! permits: the integration does, and the actor of the execution obtains them from it.

use updraft_protocol::{Failure, TaskId, Timestamp, Value};

use super::scope::ScopeId;
use super::task::TaskSeq;
use super::{Act, Effects, Machine, Ready};
use crate::plan::{PlannedAction, StepIndex};

/// A call that waits for its permit. It counts towards the tasks of the execution that run at once.
#[derive(Debug)]
pub(super) struct Queued {
    task_id: TaskId,
    work: Ready,
    step: StepIndex,
    arguments: Value,
}

impl Machine {
    /// The step of a call that waits for its permit, and its arguments.
    pub fn queued(&self, task: TaskId) -> Option<(StepIndex, &Value)> {
        let queued = self.line.iter().find(|queued| queued.task_id == task)?;
        Some((queued.step, &queued.arguments))
    }

    /// Asks for the permit of a call.
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

    /// The permit of a call is granted or refused. A refusal fails the attempt, which was never sent. A call that
    /// waits no longer is left as it is.
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

    /// Puts all waiting calls back among the work that is ready, behind the rest of it.
    pub(super) fn leave_line(&mut self) {
        self.running -= self.line.len();
        self.ready.extend(self.line.drain(..).map(|queued| queued.work));
    }

    /// The task of work that begins now: a new one, or the one whose next attempt is due.
    pub(super) fn task_of(&mut self, work: Ready, now: Timestamp) -> TaskSeq {
        match work {
            Ready::Enter(scope, step) => self.add(scope, step, now),
            Ready::Again(task) => task,
        }
    }
}
