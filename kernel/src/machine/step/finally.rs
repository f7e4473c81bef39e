//! The step `finally`, and `on_cancel` of other steps: what runs once a body has ended, or a task was cancelled. It runs in a
//! scope that the cancelling of the scopes around it leaves alone, for a time of its own, and changes no verdict.

use std::time::Duration;

use updraft_protocol::{Failure, FailureKind, Json, Span, TaskStatus, Timestamp, Wait, WaitKind};

use super::Arrival;
use crate::machine::cancel::{Cancel, cancelled};
use crate::machine::cleanup::Cleaning;
use crate::machine::scope::ScopeId;
use crate::machine::task::{Ending, Phase, Task};
use crate::machine::task_seq::TaskSeq;
use crate::machine::walk::{EndedBy, Go};
use crate::machine::{Effects, FAILED_CLEANUP, Machine, Undecided};
use crate::plan::{DO, PlannedCleanup, PlannedFinally, PlannedKind};

impl Machine {
    pub(super) fn arrive_at_finally(
        &mut self,
        at: Arrival,
        finally: &PlannedFinally,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let task = at.task(self, effects);
        self.task_mut(task).phase = Phase::Guarding;
        let path = self.scopes.path(at.scope).inside(&self.plan.step(at.step).id, DO);
        let inner = self.scopes.open(path, (at.scope, task), None);
        // The body has ended before, perhaps since it was cancelled: it goes as far as it went.
        let has_ended = self.recorded_ending(task).is_some() || self.is_cleaning_up(task);
        if let Some(inner) = self.scopes.get_mut(inner) {
            inner.cancelled |= has_ended;
        }
        work.push(Go::Enter(inner, finally.start));
    }

    /// The body of a `finally` has ended: what runs in any case begins. If the body is the main line, its end decides that of
    /// the execution.
    pub(in crate::machine) fn end_guarded(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        (last, result, by): (TaskSeq, Result<Option<Json>, Failure>, EndedBy),
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let PlannedKind::Finally(finally) = &plan.step(self.task(task).step).kind else { return };
        let output = self.failed_output(last);
        let ends_path = by == EndedBy::End && result.is_ok();
        self.scopes.close(scope);
        if finally.is_main_line {
            self.decide_end(last, result.clone(), now);
            self.record_end(now, effects);
        }
        self.clean_up(task, Cleaning::after(result, output, ends_path), now, effects);
        work.push(Go::CleanUp(task));
    }

    /// What is left of a task is its cleanup, the time of which begins, unless it was recorded.
    pub(in crate::machine) fn clean_up(
        &mut self,
        task: TaskSeq,
        cleaning: Cleaning,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let plan = self.plan.clone();
        let Some(cleanup) = &plan.step(self.task(task).step).cleanup else { return };
        let recorded = self.wait_of(task).filter(|wait| wait.kind == WaitKind::Cleanup).cloned();
        let until = recorded.as_ref().and_then(|wait| wait.until).unwrap_or(now.after(cleanup.timeout));
        self.task_mut(task).phase = Phase::CleaningUp(Box::new(cleaning.until(until)));
        if self.recorded_ending(task).is_some() {
            return;
        }
        if recorded.is_none() {
            self.write_wait(task, Wait::until(WaitKind::Cleanup, now, until), now, effects);
        }
        self.wait_in_phase(task, effects);
    }

    /// A pause ends, or another takes its place: what cleans up could begin nothing since then, and has so much longer.
    pub(in crate::machine) fn give_back_cleanup_time(&mut self, now: Timestamp, effects: &mut Effects) {
        let pause = self.state.pause.as_ref().filter(|_| self.is_paused());
        let Some(paused) = pause.map(|pause| pause.since) else { return };
        let cleans_up =
            |task: &&Task| matches!(&task.phase, Phase::CleaningUp(cleaning) if !cleaning.is_over);
        let tasks: Vec<TaskSeq> = self.tasks.iter().filter(cleans_up).map(|task| task.seq).collect();
        for task in tasks {
            let Some(wait) = self.wait_of(task).filter(|wait| wait.kind == WaitKind::Cleanup).cloned() else {
                continue;
            };
            let held = Duration::from_millis(now.since(paused.max(wait.since)));
            let Some(until) = wait.until.map(|until| until.after(held)) else { continue };
            self.write_wait(task, Wait { until: Some(until), ..wait }, now, effects);
            if let Phase::CleaningUp(cleaning) = &mut self.task_mut(task).phase {
                cleaning.until = until;
            }
            self.wait_in_phase(task, effects);
        }
    }

    /// A task that was cancelled has a cleanup: it begins once the cancelling is done. False if it has none.
    pub(in crate::machine) fn clean_up_cancelled(
        &mut self,
        task: TaskSeq,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        if self.plan.step(self.task(task).step).cleanup.is_none() {
            return false;
        }
        self.clean_up(task, Cleaning::after(Err(cancelled()), None, false), now, effects);
        self.undecided.push_back(Undecided::CleanUp(task));
        true
    }

    /// A recorded task that was cleaning up after it was cancelled goes on with that.
    pub(super) fn go_on_cleaning_up(
        &mut self,
        at: Arrival,
        task: TaskSeq,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let Some(cleanup) = &plan.step(at.step).cleanup else { return };
        self.skip_recorded_inside(at.scope, at.step, Some(cleanup.scope));
        self.clean_up(task, Cleaning::after(Err(cancelled()), None, false), at.now, effects);
        work.push(Go::CleanUp(task));
    }

    /// Opens the scope of a cleanup.
    pub(in crate::machine) fn begin_cleanup(&mut self, task: TaskSeq, work: &mut Vec<Go>) {
        let Some((scope, step)) = self.tasks.get(task).map(|task| (task.scope, task.step)) else { return };
        let plan = self.plan.clone();
        let Some(cleanup) = &plan.step(step).cleanup else { return };
        let path = self.scopes.path(scope).inside(&plan.step(step).id, cleanup.scope);
        let inner = self.scopes.open(path, (scope, task), None);
        // It ended before the walk, or its time is over: what is recorded of it is walked, and nothing begins.
        let is_over = matches!(&self.task(task).phase, Phase::CleaningUp(cleaning) if cleaning.is_over);
        let nothing_begins = is_over || self.recorded_ending(task).is_some();
        if let Some(inner) = self.scopes.get_mut(inner) {
            inner.shielded = true;
            inner.cancelled = nothing_begins;
        }
        work.push(Go::Enter(inner, cleanup.start));
    }

    /// A cleanup has ended, and its task with it.
    pub(in crate::machine) fn end_cleanup(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        self.scopes.close(scope);
        let plan = self.plan.clone();
        let Some(cleanup) = &plan.step(self.task(task).step).cleanup else { return };
        let Phase::CleaningUp(cleaning) = &mut self.task_mut(task).phase else { return };
        let failure = if cleaning.is_over { Some(overdue(cleanup)) } else { result.err() };
        let (ending, ends_path) = cleaning.outcome();
        let is_cancelled = self.scopes.get(self.task(task).scope).is_some_and(|scope| scope.cancelled);
        let ending = if is_cancelled { Ending::Cancelled } else { ending };
        let ending = match failure {
            Some(failure) => self.with_failed_cleanup(task, ending, &failure, now, effects),
            None => ending,
        };
        let go = self.end_opener(task, ending, now, effects);
        work.push(match go {
            Go::Enter(scope, _) | Go::End(scope, _, Ok(_), _) if ends_path => {
                Go::End(scope, task, Ok(self.task(task).state.response.clone()), EndedBy::End)
            }
            go => go,
        });
    }

    /// The failure of a cleanup is told with the outcome of its task, which it does not change.
    fn with_failed_cleanup(
        &mut self,
        task: TaskSeq,
        ending: Ending,
        failure: &Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Ending {
        let told = format!("{FAILED_CLEANUP}: {}", failure.message);
        let with = |before: Failure| {
            let message = format!("{}; {told}", before.message);
            before.with_message(message)
        };
        match ending {
            Ending::Failed(before) => Ending::Failed(with(before)),
            Ending::EndedFailed(before, output) => Ending::EndedFailed(with(before), output),
            ending if self.recorded_ending(task).is_none() => {
                let failure = Failure::new(FailureKind::Cleanup, told).with_retryable(false);
                self.write_failure(task, failure, now, effects);
                ending
            }
            ending => ending,
        }
    }

    /// The time of a cleanup is over: what runs of it is cancelled.
    pub(in crate::machine) fn cleanup_due(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        let Phase::CleaningUp(cleaning) = &mut self.task_mut(task).phase else { return };
        cleaning.is_over = true;
        let mut work = Vec::new();
        // A scope that is opened later is cancelled from its beginning.
        let open: Vec<ScopeId> = self.scopes.opened_by(task).collect();
        for scope in open {
            if self.cancel_scope(scope, Cancel::Path, now, effects) {
                self.end_cleanup((scope, task), Err(cancelled()), now, effects, &mut work);
            }
        }
        work.into_iter().for_each(|go| self.go(go, now, effects));
    }

    /// Whether a task was cleaning up when it was recorded.
    pub(super) fn is_cleaning_up(&self, task: TaskSeq) -> bool {
        self.wait_of(task).is_some_and(|wait| wait.kind == WaitKind::Cleanup)
    }

    /// The output of a `fail` step.
    pub(in crate::machine) fn failed_output(&self, task: TaskSeq) -> Option<Json> {
        let task = self.task(task);
        let has_output =
            matches!(self.plan.step(task.step).kind, PlannedKind::End(_) | PlannedKind::Finally(_));
        task.state.response.clone().filter(|_| has_output && task.state.status == TaskStatus::Failed)
    }
}

/// A cleanup took too long.
fn overdue(cleanup: &PlannedCleanup) -> Failure {
    Failure::new(FailureKind::Cleanup, format!("it did not end within {}", Span(cleanup.timeout)))
}
