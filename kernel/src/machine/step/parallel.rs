//! The step `parallel`: opens a scope for each branch, and continues when as many have ended as it asks for. Those that are
//! left then are cancelled.

use updraft_protocol::{Failure, Json, Timestamp, Wait, WaitKind};

use super::Arrival;
use crate::machine::branches::Branches;
use crate::machine::cancel::Cancel;
use crate::machine::scope::ScopeId;
use crate::machine::task::Phase;
use crate::machine::task_seq::TaskSeq;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::{PlannedKind, PlannedParallel};

impl Machine {
    /// The first branch is entered first.
    pub(super) fn arrive_at_parallel(
        &mut self,
        at: Arrival,
        parallel: &PlannedParallel,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let task = at.task(self, effects);
        let is_decided = self.recorded_ending(task).is_some()
            || self.wait_of(task).is_some_and(|wait| wait.kind == WaitKind::Branches);
        let branches = Branches::begun(parallel.branches.len(), is_decided);
        self.task_mut(task).phase = Phase::Joining(Box::new(branches));
        let plan = self.plan.clone();
        let outer = self.scopes.path(at.scope).clone();
        let first = work.len();
        for branch in &parallel.branches {
            let path = outer.inside(&plan.step(at.step).id, branch.name.as_str());
            let inner = self.scopes.open(path, (at.scope, task), None);
            if let Some(inner) = self.scopes.get_mut(inner) {
                inner.cancelled |= is_decided;
            }
            work.push(Go::Enter(inner, branch.start));
        }
        work[first..].reverse();
    }

    /// A branch has ended: it is counted, and decides the step if no other one has to.
    pub(in crate::machine) fn end_branch(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        self.scopes.close(scope);
        let plan = self.plan.clone();
        let PlannedKind::Parallel(parallel) = &plan.step(self.task(task).step).kind else { return };
        let Phase::Joining(branches) = &mut self.task_mut(task).phase else { return };
        branches.end(result.err());
        if branches.decide(parallel) {
            self.cancel_losers(task, now, effects);
            // Branches that were not entered yet are gone; their scopes may be used again.
            work.retain(|go| self.is_open(go));
        }
        self.end_joined(task, parallel, now, effects, work);
    }

    /// Ends the step if no branch is left.
    fn end_joined(
        &mut self,
        task: TaskSeq,
        parallel: &PlannedParallel,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Phase::Joining(branches) = &mut self.task_mut(task).phase else { return };
        if let Some(ending) = branches.outcome(parallel) {
            work.push(self.end_opener(task, ending, now, effects));
        }
    }

    /// Cancels the branches of a step that is decided. While recorded tasks are walked, they are left for later: the walk
    /// has to come to what is recorded of them.
    fn cancel_losers(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        if !self.recorded.is_empty() {
            return self.losers.push(task);
        }
        let losers: Vec<ScopeId> = self.scopes.opened_by(task).collect();
        for loser in losers {
            if self.cancel_scope(loser, Cancel::Path, now, effects)
                && let Phase::Joining(branches) = &mut self.task_mut(task).phase
            {
                branches.drop_one();
            }
        }
        if let Phase::Joining(branches) = &self.task(task).phase
            && branches.are_left()
        {
            let wait = Wait { until: None, ..Wait::until(WaitKind::Branches, now, now) };
            self.write_wait(task, wait, now, effects);
        }
    }

    /// Cancels the branches, and the bodies beside waits, that the walk over recorded tasks left.
    pub(in crate::machine) fn cancel_left_losers(&mut self, now: Timestamp, effects: &mut Effects) {
        for task in std::mem::take(&mut self.losers) {
            let step = self.tasks.get(task).filter(|task| task.phase.has_scopes()).map(|task| task.step);
            if step.is_some_and(|step| matches!(self.plan.step(step).kind, PlannedKind::Approval(_))) {
                self.end_decided(task, now, effects);
                continue;
            }
            let plan = self.plan.clone();
            let Some(PlannedKind::Parallel(parallel)) = step.map(|step| &plan.step(step).kind) else {
                continue;
            };
            self.cancel_losers(task, now, effects);
            let mut work = Vec::new();
            self.end_joined(task, parallel, now, effects, &mut work);
            work.into_iter().for_each(|go| self.go(go, now, effects));
        }
    }

    /// Whether this is still to be gone to.
    fn is_open(&self, go: &Go) -> bool {
        match go {
            Go::Enter(scope, _) | Go::End(scope, ..) => self.scopes.get(*scope).is_some(),
            Go::TakeBack => true,
            Go::Items(task) | Go::Round(task) | Go::CleanUp(task) => {
                self.tasks.get(*task).is_some_and(|task| task.phase.has_scopes())
            }
        }
    }
}
