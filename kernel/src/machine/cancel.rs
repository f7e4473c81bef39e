//! Cancelling a scope: what runs in it and in the scopes inside of it is stopped, and nothing further begins there. A call
//! that may act at most once is waited for, as nobody would know otherwise whether it acted, and so is a sub-playbook, which
//! is asked to stop; its scope, and those around it up to the cancelled one, end when it has. The end of the whole
//! execution is decided elsewhere (`end`).

use updraft_protocol::{ExecutionStatus, Failure, FailureKind, TaskStatus, Timestamp};

use super::scope::ScopeId;
use super::task::Phase;
use super::task_seq::TaskSeq;
use super::{Act, Effects, Machine, Ready, Undecided};
use crate::plan::PlannedAction;

/// How a path ends that was cancelled.
pub(super) fn cancelled() -> Failure {
    Failure::new(FailureKind::Cancelled, "it was cancelled, as its outcome no longer counted")
}

/// How a call ends that was stopped, and may have acted.
pub(super) fn unknown(status: ExecutionStatus) -> Failure {
    let message = format!("the execution was {status} while the tool was called");
    Failure::new(FailureKind::UnknownOutcome, message)
}

/// What is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    /// One path of several.
    Path,
    /// All that the execution does, as it ends with this status: no call is waited for, and one that may act at most once is
    /// unknown. What cleans up begins when the sub-playbooks have ended that it cleans up after.
    Execution(ExecutionStatus),
}

impl Machine {
    /// Cancels a scope. Whether it is over at once: it is then dropped. Otherwise it ends, as an event of its opener, when
    /// the calls in it have that are waited for.
    pub(super) fn cancel_scope(
        &mut self,
        scope: ScopeId,
        what: Cancel,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let scopes = self.scopes.tree(scope);
        for inner in &scopes {
            if let Some(scope) = self.scopes.get_mut(*inner) {
                scope.cancelled = true;
            }
        }
        self.withdraw_work_of(&scopes, effects);
        let open: Vec<TaskSeq> = self
            .tasks
            .iter()
            .filter(|task| task.phase != Phase::Ended && scopes.contains(&task.scope))
            .map(|task| task.seq)
            .collect();
        for task in open {
            self.stop_child(task, now, effects);
            if !self.task(task).phase.has_scopes() && !self.is_waited_for(task, what) {
                self.cancel_task(task, what, now, effects);
            }
        }
        // The inner ones come last in the list, and end first.
        for inner in scopes.iter().rev() {
            self.drop_cancelled(*inner, what, now, effects);
        }
        self.scopes.get(scope).is_none()
    }

    /// Drops a cancelled scope in which nothing is waited for. Its openers inside have no scopes any more.
    fn drop_cancelled(&mut self, scope: ScopeId, what: Cancel, now: Timestamp, effects: &mut Effects) {
        let open = |task: &&super::task::Task| task.scope == scope && task.phase != Phase::Ended;
        let open: Vec<TaskSeq> = self.tasks.iter().filter(open).map(|task| task.seq).collect();
        let mut waits = false;
        for task in open {
            let children = self.scopes.opened_by(task).count();
            let cleans_up = matches!(self.task(task).phase, Phase::CleaningUp(_));
            if children > 0 || cleans_up || self.is_waited_for(task, what) {
                self.task_mut(task).phase.wait_for_scopes(children);
                waits = true;
            } else {
                self.cancel_task(task, what, now, effects);
                waits |= self.task(task).phase != Phase::Ended;
            }
        }
        if waits {
            return;
        }
        // What an item or a round did is read inside of it alone.
        if self.scopes.get(scope).is_some_and(|scope| scope.locals.is_some()) {
            let ended = self.scopes.drop(scope);
            self.leave(ended);
        } else {
            self.scopes.close(scope);
        }
    }

    /// Work of these scopes that has not begun does not: it is in no document.
    fn withdraw_work_of(&mut self, scopes: &[ScopeId], effects: &mut Effects) {
        self.withdraw_queued(scopes);
        let Self { tasks, ready, undecided, waiting_calls, .. } = self;
        let scope_of = |task: TaskSeq| tasks.get(task).map(|task| task.scope);
        let is_inside = |work: &Ready| match *work {
            Ready::Enter(scope, _) => scopes.contains(&scope),
            Ready::Again(task) => scope_of(task).is_some_and(|scope| scopes.contains(&scope)),
        };
        ready.retain(|work| !is_inside(work));
        undecided.retain(|undecided| match *undecided {
            Undecided::Step(scope, _) => !scopes.contains(&scope),
            Undecided::Items(task) | Undecided::Round(task) => {
                scope_of(task).is_none_or(|scope| !scopes.contains(&scope))
            }
            Undecided::CleanUp(_) | Undecided::TakeBack => true,
        });
        let before = waiting_calls.len();
        waiting_calls.retain(|call| {
            let inside = is_inside(&call.work);
            if inside {
                effects.acts.push(Act::StopWaiting(call.task_id));
            }
            !inside
        });
        self.running -= before - self.waiting_calls.len();
    }

    /// Whether the end of a task is waited for, although its outcome no longer counts.
    fn is_waited_for(&self, task: TaskSeq, what: Cancel) -> bool {
        self.waits_for_child(task) || (what == Cancel::Path && self.calls_at_most_once(task))
    }

    fn calls_at_most_once(&self, task: TaskSeq) -> bool {
        let task = self.task(task);
        let action = PlannedAction::of(self.plan.step(task.step));
        task.phase == Phase::Running && action.is_some_and(|action| action.at_most_once)
    }

    /// Stops a task, which ends, or cleans up.
    fn cancel_task(&mut self, task: TaskSeq, what: Cancel, now: Timestamp, effects: &mut Effects) {
        let is_unknown = self.calls_at_most_once(task);
        if matches!(self.task(task).phase, Phase::Running | Phase::Unsent) {
            self.running -= 1;
        }
        if self.task(task).phase == Phase::Running {
            effects.acts.push(Act::Stop(task));
        }
        if !is_unknown && self.clean_up_cancelled(task, now, effects) {
            return;
        }
        let (status, failure) = match what {
            Cancel::Execution(status) if is_unknown => (TaskStatus::Unknown, Some(unknown(status))),
            _ => (TaskStatus::Cancelled, None),
        };
        self.write_end(task, status, None, failure, now, effects);
        let (scope, step) = (self.task(task).scope, self.task(task).step);
        self.task_mut(task).phase = Phase::Ended;
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.end(step, task);
        }
    }
}
