//! The walk: from a task that has ended to the step that follows, and to the end of a scope, which is an event of the task
//! that opened it. Iterative, so that a long playbook needs no deep stack.

use updraft_protocol::{ExecutionStatus, Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::scope::ScopeId;
use super::task::{Ending, Phase};
use super::task_seq::TaskSeq;
use super::{Effects, Machine};
use crate::plan::{Follows, PlannedKind, StepIndex};

/// Where control goes next.
pub(super) enum Go {
    /// To a step of a scope.
    Enter(ScopeId, StepIndex),
    /// To the end of the scope, in which this task was the last.
    End(ScopeId, TaskSeq, Result<Option<Json>, Failure>),
}

impl Machine {
    pub(super) fn enter(&mut self, scope: ScopeId, step: StepIndex, now: Timestamp, effects: &mut Effects) {
        self.go(Go::Enter(scope, step), now, effects);
    }

    /// Ends a task and continues along its path.
    pub(super) fn settle(&mut self, task: TaskSeq, ending: Ending, now: Timestamp, effects: &mut Effects) {
        let next = self.end_task(task, ending, now, effects);
        self.go(next, now, effects);
    }

    fn go(&mut self, first: Go, now: Timestamp, effects: &mut Effects) {
        let mut work = vec![first];
        while let Some(next) = work.pop() {
            if self.ended() {
                return;
            }
            match next {
                Go::Enter(scope, step) => self.arrive((scope, step), now, effects, &mut work),
                Go::End(scope, last, result) => {
                    work.extend(self.end_scope(scope, last, result, now, effects));
                }
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
        };
        let planned = self.plan.step(step);
        let state = &self.task(task).state;
        match (planned.follows(status, state).unwrap_or_default(), ending) {
            (Follows::Step(next), _) => Go::Enter(scope, next),
            (_, Ending::Completed(_)) => Go::End(scope, task, Ok(state.response.clone())),
            // The failure is handled, and nothing follows on this path.
            (Follows::End, _) => Go::End(scope, task, Ok(None)),
            (
                Follows::Unhandled,
                Ending::Failed(failure) | Ending::EndedFailed(failure, _) | Ending::Unknown(failure),
            ) => {
                let message = format!("step \"{}\": {}", planned.id, failure.message);
                Go::End(scope, task, Err(Failure::new(failure.kind, message).with_retryable(false)))
            }
        }
    }

    /// A scope has ended, with `last` as its last task: its opener is informed, and it is dropped.
    fn end_scope(
        &mut self,
        scope: ScopeId,
        last: TaskSeq,
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<Go> {
        let Some((_, opener)) = self.scopes.get(scope)?.opener else {
            self.end_main(last, result, now, effects);
            return None;
        };
        self.scopes.close(scope);
        let Phase::Joining { open, failure } = &mut self.task_mut(opener).phase else { return None };
        *open -= 1;
        if let (None, Err(new)) = (&failure, result) {
            *failure = Some(Box::new(Failure::new(FailureKind::Branch, new.message).with_retryable(false)));
        }
        if *open > 0 {
            return None;
        }
        let ending = failure.take().map_or(Ending::Completed(None), |failure| Ending::Failed(*failure));
        Some(match self.recorded_ending(opener) {
            Some((_, recorded)) => self.follow(opener, recorded),
            None => self.end_task(opener, ending, now, effects),
        })
    }

    /// The main line has ended, and the execution with it.
    fn end_main(
        &mut self,
        last: TaskSeq,
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (status, output, error) = match result {
            Ok(output) => (ExecutionStatus::Completed, output, None),
            Err(failure) => {
                // The output of a `fail` step.
                let last = self.task(last);
                let is_end = matches!(self.plan.step(last.step).kind, PlannedKind::End(_));
                let output = last.state.response.clone().filter(|_| is_end);
                (ExecutionStatus::Failed, output, Some(failure))
            }
        };
        self.begin_end(status, output, error, now, effects);
    }
}
