//! The wait for a tool that does not work, has asked to be left alone, or takes no more calls today. The task has not been
//! attempted; it asks again at the instant from which the tool may be called. A call that waits for less than leaving memory takes waits at the gate of
//! its tool instead, which writes nothing.

use updraft_protocol::limits::COOLDOWN;
use updraft_protocol::{Failure, FailureKind, Span, Timestamp, Wait, WaitKind};

use super::task::Ending;
use super::task_seq::TaskSeq;
use super::{Effects, Machine};
use crate::plan::PlannedAction;

/// Whether an attempt was not made because its tool is not called for now.
pub(super) fn is_postponed(failure: &Failure) -> bool {
    let is_held = matches!(failure.kind, FailureKind::Unavailable | FailureKind::Limited);
    is_held && failure.retryable() && !failure.may_have_acted()
}

impl Machine {
    /// The tool of a task is not called before the instant that the failure names: the task waits until then.
    pub(super) fn postpone(
        &mut self,
        task: TaskSeq,
        action: &PlannedAction,
        failure: Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let due = now.after(failure.retry_after().unwrap_or(COOLDOWN));
        if let Some(within) = action.within.filter(|within| due >= self.began_of(task).after(*within)) {
            let message = format!("not called within {}: {}", Span(within), failure.message);
            return self.settle(task, Ending::Failed(failure.with_message(message)), now, effects);
        }
        let earlier = self.wait_of(task).filter(|wait| wait.kind == WaitKind::Cooldown);
        let since = earlier.map_or(now, |wait| wait.since);
        if let Some(why) = self.too_late(action, &failure, (since, due)) {
            let message = format!("{}, until {due}, which is {why}", failure.message);
            let failure = failure.with_message(message).with_retryable(false);
            return self.last_attempt_failed(task, action, failure, now, effects);
        }
        let subject = Some(self.plan.step(self.task(task).step).integration.as_str().into());
        let wait = Wait { subject, ..Wait::until(WaitKind::Cooldown, since, due) };
        self.write_unmade(task, failure, wait, now, effects);
        self.wait(task, due, effects);
    }

    /// Why a step does not wait so long. For a tool that does not work it waits as long as its attempts may be apart, for one
    /// that has asked for it as long as the step lets tools ask; no step fails for a limit, but by the time of its execution.
    fn too_late(
        &self,
        action: &PlannedAction,
        failure: &Failure,
        (since, due): (Timestamp, Timestamp),
    ) -> Option<String> {
        let retry = &action.retry;
        let patience = retry.max.saturating_mul(retry.attempts);
        match failure.kind {
            FailureKind::Unavailable if due > since.after(patience) => {
                Some(format!("longer than its attempts may be apart ({})", Span(patience)))
            }
            FailureKind::RateLimited if failure.retry_after() > Some(retry.give_up_after) => {
                Some(format!("longer than `retry.give_up_after` ({})", Span(retry.give_up_after)))
            }
            _ => {
                let is_over = self.deadline().is_some_and(|deadline| due >= deadline);
                is_over.then(|| "longer than the execution may take".to_owned())
            }
        }
    }
}
