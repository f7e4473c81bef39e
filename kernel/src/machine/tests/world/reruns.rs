//! The rerun of a world, as a world of its own.

use std::sync::Arc;

use updraft_protocol::limits::RERUN_WORK;
use updraft_protocol::{ExecutionHead, ExecutionId, RerunOf};

use super::{World, asked};
use crate::machine::{DefaultWaits, Machine, Terms};
use crate::rerun::{RerunPlan, RerunRefusal};

impl World {
    /// Runs it again under another id, with the results that it may take over; gives how many it has.
    pub(in super::super) fn rerun(&self, rerun: &RerunPlan<'_>) -> Result<(Self, usize), RerunRefusal> {
        self.rerun_within(RERUN_WORK, rerun)
    }

    /// The same, with another bound of the walk over the results.
    pub(in super::super) fn rerun_within(
        &self,
        work: u64,
        rerun: &RerunPlan<'_>,
    ) -> Result<(Self, usize), RerunRefusal> {
        let results = rerun.results(self.tasks())?;
        let peid = ExecutionId::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 9, 0x89, 10, 11, 12, 13, 14, 15, 17]);
        let now = self.now.after(std::time::Duration::from_secs(60));
        let of = RerunOf { peid: self.machine.peid(), from: rerun.from.cloned(), asked: asked() };
        let head = ExecutionHead::clone(self.machine.head());
        let head = Arc::new(ExecutionHead { createddate: now, rerun_of: Some(Arc::new(of)), ..head });
        let waits = DefaultWaits::default();
        let terms = Terms { waits, ..Terms::default() };
        let (machine, effects) =
            Machine::rerun_within(work, self.plan.clone(), (peid, head), results, terms, now)?;
        let taken = machine.task_documents().iter().filter(|task| task.head.taken_from.is_some()).count();
        Ok((Self::of(machine, effects, now), taken))
    }
}
