//! The step `parallel`: opens a scope for each branch, and continues when all of them have ended.

use super::Arrival;
use crate::machine::task::Phase;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedParallel;

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
        let open = u32::try_from(parallel.branches.len()).unwrap_or(u32::MAX);
        self.task_mut(task).phase = Phase::Joining { open, failure: None };
        let plan = self.plan.clone();
        let outer = self.scopes.path(at.scope).clone();
        let first = work.len();
        for branch in &parallel.branches {
            let path = outer.inside(&plan.step(at.step).id, branch.name.as_str());
            work.push(Go::Enter(self.scopes.open(path, (at.scope, task)), branch.start));
        }
        work[first..].reverse();
    }
}
