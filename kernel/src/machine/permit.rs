//! Permits: a call that needs one acquires it before its intent is written. Owns the calls that wait for a permit, each with
//! its rendered arguments. Nothing is written of a waiting call, so that after a crash it has not been attempted. Counts no
//! permits: the integration does, and the actor of the execution obtains them from it.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::{CacheUse, Failure, FailureKind, TaskId, Timestamp, Value};

use super::scope::ScopeId;
use super::task::Ending;
use super::task_seq::TaskSeq;
use super::{Act, Effects, Machine, Ready};
use crate::plan::{PlannedAction, StepIndex};

/// A call that waits for its permit. It counts towards the tasks of the execution that run at once.
#[derive(Debug)]
pub(super) struct WaitingCall {
    pub(super) task_id: TaskId,
    pub(super) work: Ready,
    step: StepIndex,
    arguments: Value,
    /// What it contains, where guardrails are asked.
    contains: Option<Arc<str>>,
    /// The target that it locks itself, and how long it waits for that.
    pub(super) lock: Option<WaitedLock>,
    /// When its task began, which is the `now` of the arguments.
    pub(super) began: Timestamp,
    /// What was found for it among the answers that are kept, once they were asked.
    pub(super) looked_up: Option<CacheUse>,
}

impl WaitingCall {
    /// What guardrails are asked about it.
    pub(super) fn asked(&self) -> (StepIndex, &Value, Option<&Arc<str>>) {
        (self.step, &self.arguments, self.contains.as_ref())
    }
}

/// The target that a call locks, and how long it waits for that.
pub(super) type WaitedLock = (Arc<str>, Duration);

impl Machine {
    /// The step of a call that waits for its permit, and its arguments.
    pub fn waiting_call(&self, task: TaskId) -> Option<(StepIndex, &Value)> {
        let call = self.waiting_calls.iter().find(|call| call.task_id == task)?;
        Some((call.step, &call.arguments))
    }

    /// Asks for the permit of a call.
    pub(super) fn acquire(
        &mut self,
        work: Ready,
        (scope, step, began): (ScopeId, StepIndex, Timestamp),
        arguments: Value,
        effects: &mut Effects,
    ) {
        self.wait_in_line(work, (scope, step, began), (arguments, None, None), effects);
    }

    /// Asks for what a call needs first: the lock of its target, and the leave of guardrails.
    pub(super) fn acquire_first(
        &mut self,
        work: Ready,
        (scope, step, began): (ScopeId, StepIndex, Timestamp),
        (action, arguments): (&PlannedAction, Value),
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let locked = action.lock.as_deref().map(|lock| (lock.decide(&self.view(scope, began)), lock.wait));
        let lock = match locked {
            None => None,
            Some(((Ok(target), work), wait)) => {
                self.turn.work += work;
                // Who has the lock around it does not wait for itself.
                Some((target, wait)).filter(|(target, _)| !self.scopes.is_locked_around(scope, target))
            }
            Some(((Err(failure), _), _)) => {
                let task = self.task_of(work, now);
                return self.settle(task, Ending::Failed(failure), now, effects);
            }
        };
        let contains = self.contained_by(action, scope, began);
        self.wait_in_line(work, (scope, step, began), (arguments, contains, lock), effects);
    }

    fn wait_in_line(
        &mut self,
        work: Ready,
        (scope, step, began): (ScopeId, StepIndex, Timestamp),
        (arguments, contains, lock): (Value, Option<Arc<str>>, Option<WaitedLock>),
        effects: &mut Effects,
    ) {
        let task_id = TaskId::derive(self.peid, self.scopes.path(scope), &self.plan.step(step).id);
        self.running += 1;
        let looked_up = None;
        let call = WaitingCall { task_id, work, step, arguments, contains, lock, began, looked_up };
        self.waiting_calls.push(call);
        effects.acts.push(Act::Acquire(task_id));
    }

    /// The permit of a call is granted or refused. A refusal fails the attempt, which was never sent. A call that no
    /// longer waits is left as it is.
    pub(super) fn acquired(
        &mut self,
        task: TaskId,
        outcome: Result<(), Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(at) = self.waiting_calls.iter().position(|call| call.task_id == task) else { return };
        let WaitingCall { work, step, arguments, began, looked_up, .. } = self.waiting_calls.remove(at);
        self.running -= 1;
        let plan = self.plan.clone();
        let Some(action) = PlannedAction::of(plan.step(step)) else {
            return self.child_acquired(work, outcome, now, effects);
        };
        match outcome {
            Ok(()) => self.start_attempt((work, began, looked_up), action, arguments, now, effects),
            Err(failure) => {
                let (task, call) = self.count_attempt(work, began);
                let failure = failure.with_may_have_acted(false);
                if failure.kind == FailureKind::RateLimited && failure.retry_after().is_some() {
                    // The tool has asked others for it: this attempt was not made.
                    self.running -= 1;
                    return self.postpone(task, action, failure, now, effects);
                }
                self.attempt_ended(task, call, Err(failure), now, effects);
            }
        }
    }

    /// Gives up the place in line of all waiting calls, which are ready again.
    pub(super) fn take_back_waiting_calls(&mut self, effects: &mut Effects) {
        effects.acts.extend(self.waiting_calls.iter().map(|call| Act::StopWaiting(call.task_id)));
        self.requeue_waiting_calls();
    }

    /// Puts all waiting calls back among the work that is ready, at its end.
    pub(super) fn requeue_waiting_calls(&mut self) {
        self.running -= self.waiting_calls.len();
        self.ready.extend(self.waiting_calls.drain(..).map(|call| call.work));
    }

    /// The task of work that begins: a new one, which began at `began`, or the one whose next attempt is due.
    pub(super) fn task_of(&mut self, work: Ready, began: Timestamp) -> TaskSeq {
        match work {
            Ready::Enter(scope, step) => self.add(scope, step, began),
            Ready::Again(task) => task,
        }
    }
}
