//! The wait for configuration: a task whose engine lacks a secret, a permission or an integration. The task has not
//! been attempted; it checks again at intervals and fails when its time is over.

use std::time::Duration;

use updraft_protocol::limits::{CLEANUP, CONFIGURATION_LOOK, CONFIGURATION_LOOK_MAX};
use updraft_protocol::{Failure, FailureKind, Span, StepId, TaskId, TaskStatus, Timestamp, Wait, WaitKind};

use super::task_seq::TaskSeq;
use super::{Effects, Machine};
use crate::plan::PlannedAction;

/// Whether an attempt was not made because the engine lacks something.
pub(super) fn is_missing(failure: &Failure) -> bool {
    failure.kind == FailureKind::NotConfigured && !failure.may_have_acted()
}

impl Machine {
    /// The missing configuration that a task waits for, if it does.
    pub fn missing(&self, task: TaskSeq) -> Option<(&Failure, &Wait)> {
        let state = &self.tasks.get(task)?.state;
        let wait = state.wait.as_deref().filter(|wait| wait.kind == WaitKind::Configuration)?;
        let waits = state.status == TaskStatus::Retrying;
        state.error.as_deref().filter(|_| waits).map(|error| (error, wait))
    }

    /// The id of a task, and the id of the step that it runs.
    pub fn name_of(&self, task: TaskSeq) -> Option<(TaskId, &StepId)> {
        let task = self.tasks.get(task)?;
        Some((task.id, &self.plan.step(task.step).id))
    }

    /// The engine lacks something that a task needs: the task waits, and checks again.
    pub(super) fn miss(&mut self, task: TaskSeq, failure: Failure, now: Timestamp, effects: &mut Effects) {
        let missed = self.wait_of(task).filter(|wait| wait.kind == WaitKind::Configuration);
        // The wait counts from the first check; its length is that of the engine that checks now.
        let since = missed.map_or(now, |wait| wait.since);
        let plan = self.plan.clone();
        let Some(action) = PlannedAction::of(plan.step(self.task(task).step)) else { return };
        // Other undos, and the end, wait for it.
        let longest = if action.undoes.is_some() {
            self.configuration_wait.min(CLEANUP)
        } else {
            self.configuration_wait
        };
        let until = since.after(longest);
        if now >= until {
            let waited = Span(longest);
            let message = format!("{}; it was waited for {waited}", failure.message);
            let failure = failure.with_message(message).with_retryable(false);
            return self.last_attempt_failed(task, action, failure, now, effects);
        }
        let subject = Some(self.plan.step(self.task(task).step).integration.as_str().into());
        let wait = Wait { subject, ..Wait::until(WaitKind::Configuration, since, until) };
        self.write_unmade(task, failure, wait, now, effects);
        self.wait(task, next_look(since, now).min(until), effects);
    }
}

/// When a task checks again: after a quarter of the time that it has waited, within bounds.
fn next_look(since: Timestamp, now: Timestamp) -> Timestamp {
    let pause = Duration::from_millis(now.since(since) / 4);
    now.after(pause.clamp(CONFIGURATION_LOOK, CONFIGURATION_LOOK_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_between_looks_grow_with_the_wait_within_bounds() {
        let look = |waited: u64| next_look(Timestamp(5), Timestamp(5 + waited)).since(Timestamp(5 + waited));
        assert_eq!([look(0), look(4_000), look(8_000), look(100_000)], [1_000, 1_000, 2_000, 25_000]);
        assert_eq!(look(80_000_000), 60_000);
    }
}
