//! Pause instead of fail: the last attempt of a step with `on_last_failure: pause` has failed. Owns the pause that follows: the
//! task is held until a person resumes the execution, and begins again with all of its attempts, or until nobody has for too
//! long, and then it fails as it would have. A step of unknown outcome is never held, and neither is what cleans up.

use std::sync::Arc;

use updraft_protocol::{
    ExecutionStatus, Failure, FailureKind, Pause, PauseCause, TaskId, TaskState, TaskStatus, Timestamp, Wait,
    WaitKind,
};

use super::scope::ScopeId;
use super::task::{Ending, Phase, Task};
use super::task_seq::TaskSeq;
use super::{Effects, Machine, Ready};
use crate::plan::PlannedAction;

impl Machine {
    /// The last attempt of a task has failed: the step fails, or the execution is paused for a person if the step says so.
    pub(super) fn last_attempt_failed(
        &mut self,
        task: TaskSeq,
        action: &PlannedAction,
        failure: Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if !action.pauses || !self.is_executing() || !self.may_be_held(self.task(task).scope) {
            return self.settle(task, Ending::Failed(failure), now, effects);
        }
        let until = now.after(self.default_waits.last_failure);
        let wait = Wait::until(WaitKind::LastFailure, now, until);
        self.write_held(task, (failure, wait), now, effects);
        self.wait(task, until, effects);
        if !self.is_paused() {
            self.take_back_waiting_calls(effects);
            self.pause_for(task, now, now, effects);
        }
    }

    /// Whether tasks of a scope may be held: its outcome counts, and it cleans up after nothing.
    fn may_be_held(&self, scope: ScopeId) -> bool {
        let mut next = Some(scope);
        while let Some(scope) = next.and_then(|scope| self.scopes.get(scope)) {
            if scope.cancelled || scope.shielded {
                return false;
            }
            next = scope.opener.map(|(outer, _)| outer);
        }
        true
    }

    /// Whether a task waits for a person, since its last attempt has failed.
    pub(super) fn is_held(&self, task: &Task) -> bool {
        let waits = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::LastFailure);
        waits && task.state.status == TaskStatus::Waiting && matches!(task.phase, Phase::Waiting(_))
    }

    /// Whether a task is held.
    pub(crate) fn has_held_tasks(&self) -> bool {
        self.tasks.iter().any(|task| self.is_held(task))
    }

    /// Whether this task is held.
    pub(crate) fn holds_task(&self, id: TaskId) -> bool {
        self.tasks.iter().any(|task| task.id == id && self.is_held(task))
    }

    /// Whether the pause is for a failure: it ends when no task is held any more.
    pub(super) fn is_paused_for_failure(&self) -> bool {
        let pause = self.state.pause.as_ref().filter(|_| self.is_paused());
        pause.is_some_and(|pause| pause.cause.asked().is_none())
    }

    /// Whether the wait of a task ends during a pause. If a person has asked for the pause, none does.
    pub(super) fn may_expire(&self, task: TaskSeq) -> bool {
        self.is_paused_for_failure() && self.tasks.get(task).is_some_and(|task| self.is_held(task))
    }

    /// When the first task fails that is held.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.tasks.iter().filter(|task| self.may_expire(task.seq)).filter_map(Task::due).min()
    }

    /// Why the last attempt of a task that is held has failed.
    pub(super) fn last_failure(&self, task: TaskSeq) -> Failure {
        let failure = self.task(task).state.error.as_deref().cloned();
        failure.unwrap_or_else(|| Failure::new(FailureKind::Playbook, "its document gives no reason"))
    }

    /// The attempts of a task that no longer count.
    pub(super) fn earlier_attempts(&self, task: TaskSeq) -> u32 {
        self.wait_of(task).map_or(0, |wait| wait.earlier_attempts)
    }

    /// A person resumes the execution: each task that is held begins again.
    pub(super) fn begin_held_again(&mut self, now: Timestamp, effects: &mut Effects) {
        let held = self.tasks.iter().filter(|task| self.is_held(task)).map(|task| task.seq);
        for task in held.collect::<Vec<TaskSeq>>() {
            self.write_begins_again(task, now, effects);
            self.task_mut(task).phase = Phase::Ready;
            self.ready.push_back(Ready::Again(task));
        }
    }

    /// A pause for a failure ends with the last task that is held: it has failed, was skipped, or its outcome no longer counts.
    pub(super) fn end_pause_for_failures(&mut self, now: Timestamp, effects: &mut Effects) {
        let Some(pause) = self.state.pause.clone().filter(|_| self.is_paused()) else { return };
        let PauseCause::LastFailure { task: named, .. } = &pause.cause else { return };
        if self.holds_task(*named) {
            return;
        }
        match self.tasks.iter().find(|task| self.is_held(task)).map(|task| task.seq) {
            Some(next) => self.pause_for(next, pause.since, now, effects),
            None => self.end_pause(now, effects),
        }
    }

    fn pause_for(&mut self, task: TaskSeq, since: Timestamp, now: Timestamp, effects: &mut Effects) {
        let held = self.task(task);
        let step = self.plan.step(held.step).id.clone();
        let message = self.last_failure(task).message.into();
        let pause = Pause { since, cause: PauseCause::LastFailure { task: held.id, step, message } };
        self.write_pause(ExecutionStatus::Paused, Some(Arc::new(pause)), now, effects);
    }

    /// The last attempt has failed: the task waits for a person.
    fn write_held(
        &mut self,
        task: TaskSeq,
        (failure, wait): (Failure, Wait),
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let wait = Wait { earlier_attempts: self.earlier_attempts(task), ..wait };
        let (status, error, wait) = (TaskStatus::Waiting, Some(Box::new(failure)), Some(Box::new(wait)));
        let change = TaskState { status, error, wait, ..self.unchanged(task, now) };
        self.change(task, change, effects);
    }

    /// A task that was held begins again, at once.
    fn write_begins_again(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        let earlier_attempts = self.task(task).state.attempt;
        let wait = Wait { earlier_attempts, ..Wait::until(WaitKind::Retry, now, now) };
        let change = TaskState {
            status: TaskStatus::Retrying,
            wait: Some(Box::new(wait)),
            ..self.unchanged(task, now)
        };
        self.change(task, change, effects);
    }
}
