//! Locks of bodies: `lock` of a step with bodies, from before the first call in them until the path has left the step, or the
//! item of a `for_each` has ended. Owns who has which, in the scopes; the target of each is rendered when its body begins, and
//! again from the same data when a machine is resumed. Locks nothing: the driver does, before a call is made.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::{Failure, TaskId, Timestamp};

use super::permit::WaitingCall;
use super::scope::{ScopeId, Scopes};
use super::task::{Phase, Task};
use super::{Act, Effects, Machine, Ready};
use crate::plan::{Plan, PlannedBodyLock, StepIndex};

/// The word by which the id of the owner of bodies is told from those of tasks: no step is inside of itself.
const LOCK: &str = "lock";

/// The lock of a body that has begun.
#[derive(Debug)]
pub(super) struct BodyLock {
    needed: NeededLock,
    /// The step with the body.
    step: StepIndex,
}

impl BodyLock {
    /// Whether the path on which its step is has not left it, now that it is at this step.
    pub(super) fn holds_at(&self, plan: &Plan, at: StepIndex) -> bool {
        plan.step(self.step).lock.as_deref().is_some_and(|lock| lock.holds_at(at))
    }
}

/// A lock that a call needs before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededLock {
    /// Who has it: the task of the call, or the bodies of a step around it, which have an id of the same kind.
    pub owner: TaskId,
    /// What is locked, in one spelling.
    pub target: Arc<str>,
    /// How long the call waits for it.
    pub wait: Duration,
}

impl Machine {
    /// The locks that a call needs, or the child of a task: those of the bodies around it, the outermost first, then its own.
    pub fn locks_of(&self, task: TaskId) -> Vec<NeededLock> {
        let call = self.waiting_calls.iter().find(|call| call.task_id == task);
        let scope = match call.map(|call| call.work) {
            Some(Ready::Enter(scope, _)) => Some(scope),
            Some(Ready::Again(seq)) => self.tasks.get(seq).map(|task| task.scope),
            None => {
                let open = |known: &&Task| known.id == task && known.phase != Phase::Ended;
                self.tasks.iter().find(open).map(|task| task.scope)
            }
        };
        let around = scope.into_iter().flat_map(|scope| self.scopes.locks_around(scope));
        let own = call.and_then(WaitingCall::own_lock);
        around.map(|lock| lock.needed.clone()).chain(own).collect()
    }

    /// The bodies of a step begin in this scope, with their lock. Without effect where it has begun, and where a body around
    /// it has the lock of the same target.
    pub(super) fn lock_body(
        &mut self,
        lock: &PlannedBodyLock,
        (scope, step): (ScopeId, StepIndex),
        began: Timestamp,
    ) -> Result<(), Failure> {
        let owner = self.owner_of_bodies(scope, step);
        if self.scopes.locks_around(scope).iter().any(|lock| lock.needed.owner == owner) {
            return Ok(());
        }
        let (target, work) = lock.lock.decide(&self.view(scope, began));
        self.turn.work += work;
        let (target, wait) = (target?, lock.lock.wait);
        if !self.scopes.is_locked_around(scope, &target)
            && let Some(scope) = self.scopes.get_mut(scope)
        {
            scope.locks.push(BodyLock { needed: NeededLock { owner, target, wait }, step });
        }
        Ok(())
    }

    /// Who has the lock of the bodies of a step: not its task, which has ended where a body is on the path of its step.
    fn owner_of_bodies(&self, scope: ScopeId, step: StepIndex) -> TaskId {
        let step = &self.plan.step(step).id;
        TaskId::derive(self.peid, &self.scopes.path(scope).inside(step, LOCK), step)
    }

    /// Has the driver give back the locks of the bodies that were left.
    pub(super) fn let_go(&mut self, effects: &mut Effects) {
        effects.acts.extend(self.scopes.let_go.drain(..).map(Act::Unlock));
    }
}

impl WaitingCall {
    /// The lock that it needs beside those around it.
    fn own_lock(&self) -> Option<NeededLock> {
        let (target, wait) = self.lock.clone()?;
        Some(NeededLock { owner: self.task_id, target, wait })
    }
}

impl Scopes {
    /// The locks of the bodies that a scope is in, the outermost first.
    pub(super) fn locks_around(&self, id: ScopeId) -> Vec<&BodyLock> {
        let mut around = Vec::new();
        let mut next = self.get(id);
        while let Some(scope) = next {
            around.extend(scope.locks.iter().rev());
            next = scope.opener.and_then(|(outer, _)| self.get(outer));
        }
        around.reverse();
        around
    }

    /// Whether a scope is in a body with a lock.
    pub(super) fn are_locked_around(&self, id: ScopeId) -> bool {
        !self.locks_around(id).is_empty()
    }

    /// Whether a scope is in a body that has the lock of this target.
    pub(super) fn is_locked_around(&self, id: ScopeId, target: &Arc<str>) -> bool {
        self.locks_around(id).iter().any(|lock| lock.needed.target == *target)
    }

    /// The path of a scope leaves the bodies that have these locks, but for those that stay.
    pub(super) fn leave_bodies(&mut self, id: ScopeId, stays: impl Fn(&BodyLock) -> bool) {
        let Some(scope) = self.get_mut(id).filter(|scope| !scope.locks.is_empty()) else { return };
        let (stay, left): (Vec<_>, Vec<_>) = scope.locks.drain(..).partition(stays);
        scope.locks = stay;
        self.let_go.extend(left.into_iter().map(|lock| lock.needed.owner));
    }
}
