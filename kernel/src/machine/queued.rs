//! Queued items: those of a `for_each` of which results were taken over from another execution, and in which this one has called and
//! waited for nothing. They are walked at once, as what is recorded of an execution is: a result that the walk does not come to is
//! lost, and its step would act twice. A step that acts or waits, and has no result, begins as soon as fewer items than the loop
//! allows are under way, in the order of their numbers. Opens no scope.

use super::scope::ScopeId;
use super::task::Phase;
use super::task_seq::TaskSeq;
use super::{Machine, Undecided};
use crate::plan::{PlannedKind, StepIndex};

/// Whether a step calls, asks or waits. The others are decided at once.
pub(super) fn acts_or_waits(kind: &PlannedKind) -> bool {
    matches!(
        kind,
        PlannedKind::Action(_)
            | PlannedKind::SubPlaybook(_)
            | PlannedKind::Delay(_)
            | PlannedKind::WaitUntil(_)
            | PlannedKind::WaitFor(_)
            | PlannedKind::Approval(_)
    )
}

impl Machine {
    /// Whether a step that has no result has to wait, as an item around it is queued and there is no room for it. Where there is,
    /// the item is under way from now on.
    pub(super) fn is_held_in_queue(&mut self, scope: ScopeId, step: StepIndex) -> bool {
        if self.head.rerun_of.is_none() || !acts_or_waits(&self.plan.step(step).kind) {
            return false;
        }
        // The outermost first: one inside of it cannot go on before.
        for (item, number, opener) in self.queued_around(scope).into_iter().rev() {
            let PlannedKind::ForEach(each) = &self.plan.step(self.task(opener).step).kind else { continue };
            let at_once = each.at_once.unwrap_or(self.tasks_at_once);
            let Phase::Repeating(items) = &mut self.task_mut(opener).phase else { continue };
            if !items.has_room(at_once) {
                items.postpone((item, number), (scope, step));
                return true;
            }
            let postponed = items.go_on_queued(number);
            self.put_off(postponed);
            if let Some(item) = self.scopes.get_mut(item) {
                item.queued = false;
            }
        }
        false
    }

    /// The time of a step begins in this scope: the items around it do not wait for room.
    pub(super) fn leave_queue(&mut self, scope: ScopeId) {
        for (item, number, opener) in self.queued_around(scope) {
            if let Phase::Repeating(items) = &mut self.task_mut(opener).phase {
                let postponed = items.go_on_queued(number);
                self.put_off(postponed);
            }
            if let Some(item) = self.scopes.get_mut(item) {
                item.queued = false;
            }
        }
    }

    /// An item has ended: where there is room now, what waits in the first queued one goes on.
    pub(super) fn let_queued_go_on(&mut self, task: TaskSeq) {
        let PlannedKind::ForEach(each) = &self.plan.step(self.task(task).step).kind else { return };
        let at_once = each.at_once.unwrap_or(self.tasks_at_once);
        while let Phase::Repeating(items) = &mut self.task_mut(task).phase
            && let Some(first) = items.first_queued(at_once)
        {
            self.put_off(first.steps);
            if let Some(item) = self.scopes.get_mut(first.item) {
                item.queued = false;
            }
        }
    }

    /// Nothing begins in these scopes any more.
    pub(super) fn withdraw_queued(&mut self, scopes: &[ScopeId]) {
        if self.head.rerun_of.is_none() {
            return;
        }
        let all: Vec<TaskSeq> = self.tasks.iter().map(|task| task.seq).collect();
        for task in all {
            if let Phase::Repeating(items) = &mut self.task_mut(task).phase {
                items.withdraw(scopes);
            }
        }
    }

    fn put_off(&mut self, steps: Vec<(ScopeId, StepIndex)>) {
        self.undecided.extend(steps.into_iter().map(|(scope, step)| Undecided::Step(scope, step)));
    }

    /// The queued items around a scope, the innermost first: each with its number and the task of its loop. What cleans up is
    /// held back by none.
    fn queued_around(&self, scope: ScopeId) -> Vec<(ScopeId, u32, TaskSeq)> {
        let mut around = Vec::new();
        let mut next = Some(scope);
        while let Some((id, scope)) = next.and_then(|id| Some((id, self.scopes.get(id)?))) {
            let Some((outer, opener)) = scope.opener.filter(|_| !scope.shielded) else { break };
            if scope.queued && !scope.cancelled {
                around.push((id, scope.locals.as_ref().map_or(0, |locals| locals.number), opener));
            }
            next = Some(outer);
        }
        around
    }
}
