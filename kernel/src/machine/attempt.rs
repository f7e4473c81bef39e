//! Attempts: beginning one, and what follows when it ends: the next step, another attempt, or a failure.

use std::sync::Arc;

use updraft_protocol::{CacheUse, CallRecord, Failure, Json, Span, TaskStatus, Timestamp, Value};

use super::configuration::is_missing;
use super::cooldown::is_postponed;
use super::task::{Ending, Phase, Task};
use super::task_seq::TaskSeq;
use super::{Act, Effects, Machine, Ready, StartAttempt};
use crate::plan::{PlannedAction, PlannedKind};
use crate::retry::{beyond, due};

impl Machine {
    /// An attempt under way was dropped before its request was sent: its tool has not acted. Called before the
    /// execution is stopped; no outcome of the attempt is awaited.
    pub fn unsent(&mut self, task: TaskSeq) {
        if let Some(task) = self.tasks.get_mut(task)
            && task.phase == Phase::Running
        {
            task.phase = Phase::Unsent;
        }
    }

    /// An attempt under way was dropped before its request was sent, as the engine shuts down: its tool has not acted.
    /// The attempt does not count; it is made again after the next start.
    pub fn withdraw(&mut self, task: TaskSeq, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.ended() || self.tasks.get(task).is_none_or(|task| task.phase != Phase::Running) {
            return effects;
        }
        let plan = self.plan.clone();
        let PlannedKind::Action(action) = &plan.step(self.task(task).step).kind else { return effects };
        self.make_again(task, action, now, &mut effects);
        self.settle_waits();
        effects
    }

    /// An attempt that was not sent does not count, and is made again.
    pub(super) fn make_again(
        &mut self,
        task: TaskSeq,
        action: &PlannedAction,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.running -= 1;
        self.task_mut(task).phase = Phase::Ready;
        self.ready.push_back(Ready::Again(task));
        self.write_withdrawn(task, action, now, effects);
    }

    /// Begins an attempt that may run: renders its arguments, and asks for a permit or a lock if the call may need one, or for a
    /// kept answer if it may have one.
    pub(super) fn begin_attempt(&mut self, work: Ready, now: Timestamp, effects: &mut Effects) {
        let (scope, step, began) = match work {
            Ready::Enter(scope, step) => (scope, step, now),
            Ready::Again(task) if self.task(task).phase == Phase::Ready => {
                (self.task(task).scope, self.task(task).step, self.began(Some(task), now))
            }
            Ready::Again(_) => return,
        };
        let plan = self.plan.clone();
        let Some(action) = PlannedAction::of(plan.step(step)) else {
            // The start of a sub-playbook, for which the bodies around it have locks.
            return self.acquire(work, (scope, step, began), Value::Null, effects);
        };
        let rendered = match action.undoes {
            Some(_) => self.undos.arguments(),
            None => {
                let (rendered, spent) = action.arguments.render_metered(&self.view(scope, began));
                self.turn.work += spent.work;
                rendered
            }
        };
        let refused = self.cannot_be_undone(action, scope, began);
        let is_gated = || {
            let tool = &plan.step(step).integration;
            self.gated.has(tool) || self.gated.has_tenant(&self.head().tenant_code)
        };
        let takes_permit = action.takes_permit || action.cache.is_some() || is_gated();
        match refused.map_or(rendered, Err) {
            Ok(arguments)
                if action.lock.is_some() || self.is_guarded(step) || self.scopes.are_locked_around(scope) =>
            {
                self.acquire_first(work, (scope, step, began), (action, arguments), now, effects);
            }
            Ok(arguments) if takes_permit => self.acquire(work, (scope, step, began), arguments, effects),
            Ok(arguments) => self.start_attempt((work, began, None), action, arguments, now, effects),
            Err(failure) => {
                let task = self.task_of(work, now);
                self.settle(task, Ending::Failed(failure), now, effects);
            }
        }
    }

    /// Writes the intent with the record of the call, and calls the tool. A new task began when its arguments were
    /// rendered.
    pub(super) fn start_attempt(
        &mut self,
        (work, began, looked_up): (Ready, Timestamp, Option<CacheUse>),
        action: &PlannedAction,
        arguments: Value,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (task, call) = self.count_attempt(work, began);
        let record = self.call_record(task, action, &arguments, looked_up);
        let attempt = self.task(task).state.attempt;
        self.write_attempt(task, attempt, record, now, effects);
        let Task { id: task_id, step, .. } = *self.task(task);
        effects.acts.push(Act::Start(Box::new(StartAttempt {
            task,
            task_id,
            step,
            attempt,
            call,
            arguments,
            secrets: action.secrets.clone(),
            timeout: action.timeout,
        })));
    }

    /// The task whose next attempt begins with this work, which is counted, and the number of its call; a new task began at
    /// `began`. Writes nothing.
    pub(super) fn count_attempt(&mut self, work: Ready, began: Timestamp) -> (TaskSeq, u32) {
        let seq = self.task_of(work, began);
        self.running += 1;
        self.calls = self.calls.wrapping_add(1);
        let call = self.calls;
        let task = self.task_mut(seq);
        (task.phase, task.call) = (Phase::Running, call);
        task.state.attempt += u32::from(task.state.status == TaskStatus::Retrying);
        (seq, call)
    }

    /// The record of a call, unless there is one already. If the action is unknown here, nothing was rendered.
    pub(super) fn call_record(
        &self,
        task: TaskSeq,
        action: &PlannedAction,
        arguments: &Value,
        looked_up: Option<CacheUse>,
    ) -> Option<Arc<CallRecord>> {
        if action.missing.is_some() {
            return None;
        }
        if let Some(known) = &self.task(task).state.call {
            return Self::recorded_again(known, looked_up);
        }
        let how = (action.effect, action.record, action.target);
        let record = CallRecord::of(&self.head.tenant_code, arguments, &action.secrets, how);
        Some(Arc::new(CallRecord { cache: looked_up, ..record }))
    }

    pub(super) fn attempt_ended(
        &mut self,
        task: TaskSeq,
        call: u32,
        outcome: Result<Json, Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let is_awaited = |task: &&Task| task.phase == Phase::Running && task.call == call;
        let Some(attempt) = self.tasks.get(task).filter(is_awaited).map(|task| task.state.attempt) else {
            return;
        };
        self.running -= 1;
        let plan = self.plan.clone();
        let PlannedKind::Action(action) = &plan.step(self.task(task).step).kind else { return };
        effects.durable |= action.at_most_once;
        match outcome.and_then(|output| self.keep(output, action.effect)) {
            Ok(output) => self.settle(task, Ending::Completed(Some(output)), now, effects),
            Err(failure) => self.attempt_failed(task, attempt, action, failure, now, effects),
        }
    }

    fn attempt_failed(
        &mut self,
        task: TaskSeq,
        attempt: u32,
        action: &PlannedAction,
        failure: Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if is_missing(&failure) {
            return self.miss(task, failure, now, effects);
        }
        if is_postponed(&failure) {
            return self.postpone(task, action, failure, now, effects);
        }
        let failure = self.keep_answer(failure);
        if action.at_most_once && failure.may_have_acted() {
            return self.settle(task, Ending::Unknown(failure), now, effects);
        }
        if !failure.retryable()
            || attempt.saturating_sub(self.earlier_attempts(task)) >= action.retry.attempts
        {
            return self.last_attempt_failed(task, action, failure, now, effects);
        }
        if let Some(reason) = beyond(&action.retry, failure.retry_after(), now, self.deadline()) {
            let message = format!("{reason}: {}", failure.message);
            return self.last_attempt_failed(task, action, failure.with_message(message), now, effects);
        }
        let due = self.retry_due(task, attempt, action, &failure, now);
        if let Some(within) = action.within.filter(|within| due >= self.began_of(task).after(*within)) {
            let message = format!("not tried again after {}: {}", Span(within), failure.message);
            return self.settle(task, Ending::Failed(failure.with_message(message)), now, effects);
        }
        self.write_retry(task, failure, due, now, effects);
        self.wait(task, due, effects);
    }

    /// When the attempt after one that failed at `failed` is due.
    pub(super) fn retry_due(
        &self,
        task: TaskSeq,
        attempt: u32,
        action: &PlannedAction,
        failure: &Failure,
        failed: Timestamp,
    ) -> Timestamp {
        let (_, seed) = self.task(task).id.uuid().as_u64_pair();
        let attempt = attempt.saturating_sub(self.earlier_attempts(task));
        due(&action.retry, attempt, seed, failure.retry_after(), failed)
    }

    /// The instant is due for which a task waits: a `delay` is over, the next attempt begins, or what was waited for has
    /// not come.
    pub(super) fn task_due(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        if self.is_paused() && !self.may_expire(task) {
            return;
        }
        let Some(due) = self.tasks.get(task).and_then(Task::due) else { return };
        if now < due {
            effects.acts.push(Act::Arm(super::Timer::Task(task), due));
            return;
        }
        if matches!(self.task(task).phase, Phase::Rounds(_)) {
            return self.round_due(task, now, effects);
        }
        if matches!(self.task(task).phase, Phase::Asking(_)) {
            return self.asking_due(task, now, effects);
        }
        if matches!(self.task(task).phase, Phase::CleaningUp(_)) {
            return self.cleanup_due(task, now, effects);
        }
        let plan = self.plan.clone();
        let ending = match &plan.step(self.task(task).step).kind {
            PlannedKind::Action(_) if self.is_asked_to_pass(self.task(task)) => {
                Ending::Failed(self.not_let_pass(task))
            }
            PlannedKind::Action(_) if self.is_held(self.task(task)) => {
                Ending::Failed(self.last_failure(task))
            }
            PlannedKind::Action(_) => {
                self.task_mut(task).phase = Phase::Ready;
                return self.ready.push_back(Ready::Again(task));
            }
            PlannedKind::SubPlaybook(child) => return self.child_overdue(task, child, now, effects),
            PlannedKind::WaitFor(wait) => Ending::Failed(wait.expired(self.waited(task))),
            PlannedKind::Approval(_) => Ending::Failed(self.expired(task)),
            _ => Ending::Completed(None),
        };
        self.settle(task, ending, now, effects);
    }
}
