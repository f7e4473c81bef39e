//! The walk: from a task that has ended to the step that follows, and to the end of a scope, which is an event of the task
//! that opened it. Iterative, so that a long playbook needs no deep stack.

use updraft_protocol::{Failure, Json, TaskStatus, Timestamp};

use super::cancel::cancelled;
use super::cleanup::Cleaning;
use super::scope::ScopeId;
use super::task::{Ending, Phase};
use super::task_seq::TaskSeq;
use super::{Effects, Machine, Undecided};
use crate::plan::{Follows, PlannedKind, StepIndex};

/// Where control goes next.
pub(super) enum Go {
    /// To a step of a scope.
    Enter(ScopeId, StepIndex),
    /// To the end of the scope, in which this task was the last.
    End(ScopeId, TaskSeq, Result<Option<Json>, Failure>, EndedBy),
    /// To the next item of a `for_each`, or to its end.
    Items(TaskSeq),
    /// To the next round of a loop, or to its end.
    Round(TaskSeq),
    /// To the cleanup of a task.
    CleanUp(TaskSeq),
    /// To the next undo, or to the end of the execution.
    TakeBack,
}

/// What ended a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// Its last step, or a failure.
    Body,
    /// An `end` step: it ends the path around a `finally` or a round, too.
    End,
}

impl Machine {
    pub(super) fn enter(&mut self, scope: ScopeId, step: StepIndex, now: Timestamp, effects: &mut Effects) {
        self.go(Go::Enter(scope, step), now, effects);
    }

    /// Goes on with what an earlier turn left.
    pub(super) fn decide(&mut self, undecided: Undecided, now: Timestamp, effects: &mut Effects) {
        let go = match undecided {
            Undecided::Step(scope, step) => Go::Enter(scope, step),
            Undecided::Items(task) => Go::Items(task),
            Undecided::Round(task) => Go::Round(task),
            Undecided::CleanUp(task) => Go::CleanUp(task),
            Undecided::TakeBack => Go::TakeBack,
        };
        self.go(go, now, effects);
    }

    /// Ends a task and continues along its path.
    pub(super) fn settle(&mut self, task: TaskSeq, ending: Ending, now: Timestamp, effects: &mut Effects) {
        let next = self.end_task(task, ending, now, effects);
        self.go(next, now, effects);
    }

    pub(super) fn go(&mut self, first: Go, now: Timestamp, effects: &mut Effects) {
        let mut work = vec![first];
        while let Some(next) = work.pop() {
            if self.ended() {
                return;
            }
            match next {
                Go::Enter(scope, step) => self.arrive((scope, step), now, effects, &mut work),
                Go::End(scope, last, result, by) => {
                    self.end_scope(scope, (last, result, by), now, effects, &mut work);
                }
                Go::Items(task) => self.go_on_with_items(task, now, effects, &mut work),
                Go::Round(task) => self.go_on_with_rounds(task, now, effects, &mut work),
                Go::CleanUp(task) => self.begin_cleanup(task, &mut work),
                Go::TakeBack => self.take_back(now, effects, &mut work),
            }
        }
    }

    /// Records the ending of a task and returns where control goes.
    pub(super) fn end_task(
        &mut self,
        task: TaskSeq,
        ending: Ending,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Go {
        let (status, response, error) = match &ending {
            Ending::Completed(output) => (TaskStatus::Completed, output.clone(), None),
            Ending::Failed(failure) => (TaskStatus::Failed, None, Some(failure.clone())),
            Ending::EndedFailed(failure, output) => {
                (TaskStatus::Failed, Some(output.clone()), Some(failure.clone()))
            }
            Ending::Unknown(failure) => (TaskStatus::Unknown, None, Some(failure.clone())),
            Ending::Cancelled => (TaskStatus::Cancelled, None, None),
        };
        self.write_end(task, status, response, error, now, effects);
        self.follow(task, ending)
    }

    /// Where control goes after a task with this ending.
    pub(super) fn follow(&mut self, task: TaskSeq, ending: Ending) -> Go {
        let (scope, step) = (self.task(task).scope, self.task(task).step);
        self.task_mut(task).phase = Phase::Ended;
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.end(step, task);
        }
        let status = match &ending {
            Ending::Completed(_) => TaskStatus::Completed,
            Ending::Failed(_) | Ending::EndedFailed(..) => TaskStatus::Failed,
            Ending::Unknown(_) => TaskStatus::Unknown,
            Ending::Cancelled => TaskStatus::Cancelled,
        };
        self.write_set_variables(task, scope, step, &ending);
        let planned = self.plan.step(step);
        let state = &self.task(task).state;
        let ends_path = match planned.kind {
            PlannedKind::End(_) => true,
            PlannedKind::Repeat(_) => self.has_ended_path(task),
            _ => false,
        };
        match (planned.follows(status, state).unwrap_or_default(), ending) {
            (_, Ending::Completed(_)) if ends_path => {
                Go::End(scope, task, Ok(state.response.clone()), EndedBy::End)
            }
            (Follows::Step(next), _) => Go::Enter(scope, next),
            (_, Ending::Cancelled) => Go::End(scope, task, Err(cancelled()), EndedBy::Body),
            (_, Ending::Completed(_)) => Go::End(scope, task, Ok(state.response.clone()), EndedBy::Body),
            // The failure is handled, and nothing follows on this path.
            (Follows::End, _) => Go::End(scope, task, Ok(None), EndedBy::Body),
            (
                Follows::Unhandled,
                Ending::Failed(failure) | Ending::EndedFailed(failure, _) | Ending::Unknown(failure),
            ) => {
                // The body of a `finally` has named its step.
                let message = match planned.kind {
                    PlannedKind::Finally(_) => failure.message,
                    _ => format!("step \"{}\": {}", planned.id, failure.message),
                };
                let failure = Failure::new(failure.kind, message).with_retryable(false);
                Go::End(scope, task, Err(failure), EndedBy::Body)
            }
        }
    }

    /// Variables that a task has set, or the rounds of a loop, have these values from now on.
    fn write_set_variables(&mut self, task: TaskSeq, scope: ScopeId, step: StepIndex, ending: &Ending) {
        let values = match (&self.plan.step(step).kind, ending) {
            (PlannedKind::Set(_), Ending::Completed(values)) => values.clone(),
            (PlannedKind::Repeat(_), _) => {
                let progress = self.wait_of(task).and_then(|wait| wait.progress.as_ref());
                progress.and_then(|progress| progress.set.clone())
            }
            _ => None,
        };
        if let Some(values) = values {
            self.write_variables(scope, &values);
        }
    }

    /// A scope has ended, with `last` as its last task: its opener is informed, and it is dropped.
    fn end_scope(
        &mut self,
        scope: ScopeId,
        (last, result, by): (TaskSeq, Result<Option<Json>, Failure>, EndedBy),
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Some(opener) = self.scopes.get(scope).map(|scope| scope.opener) else { return };
        let Some((_, opener)) = opener else {
            self.scopes.leave_bodies(scope, |_| false);
            return match scope {
                ScopeId::MAIN => self.end_main(last, result, now, effects),
                _ => self.end_undo(scope, result.is_ok()),
            };
        };
        match self.task(opener).phase {
            Phase::Joining(_) => self.end_branch((scope, opener), result, now, effects, work),
            Phase::Repeating(_) => self.end_item(scope, opener, result, work),
            Phase::Rounds(_) => match result {
                Ok(output) if by == EndedBy::End => {
                    self.end_path_in_round((scope, opener), output, now, effects, work);
                }
                result => self.end_round((scope, opener), result, now, effects, work),
            },
            Phase::Asking(_) => self.end_beside((scope, opener), now, effects, work),
            Phase::Guarding => self.end_guarded((scope, opener), (last, result, by), now, effects, work),
            Phase::CleaningUp(_) => self.end_cleanup((scope, opener), result, now, effects, work),
            _ => {}
        }
    }

    /// How a task with scopes ends: as it says, unless its own scope was cancelled while these ran.
    pub(super) fn end_opener(
        &mut self,
        task: TaskSeq,
        ending: Ending,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Go {
        if let Some((_, recorded)) = self.recorded_ending(task) {
            return self.follow(task, recorded);
        }
        let scope = self.scopes.get(self.task(task).scope);
        let is_cancelled = scope.is_some_and(|scope| scope.cancelled);
        let has_cleanup = self.plan.step(self.task(task).step).cleanup.is_some();
        if is_cancelled && has_cleanup && !matches!(self.task(task).phase, Phase::CleaningUp(_)) {
            self.clean_up(task, Cleaning::after(Err(cancelled()), None, false), now, effects);
            return Go::CleanUp(task);
        }
        let ending = if is_cancelled { Ending::Cancelled } else { ending };
        self.end_task(task, ending, now, effects)
    }

    /// The main line has ended, and the execution with it.
    fn end_main(
        &mut self,
        last: TaskSeq,
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        // Where undos follow, the end may be recorded without its output.
        if self.is_executing() || !self.has_main_finally() {
            self.decide_end(last, result, now);
        }
        self.end_when_clean(now, effects);
    }
}
