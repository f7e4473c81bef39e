//! Executions that end without their machine: they cannot be resumed, or the store refuses what they wrote. Mirrors
//! `actors/src/shard/supervise.rs`.

use updraft_kernel::execution::Need;
use updraft_kernel::machine::fail_abandoned;
use updraft_protocol::{ExecutionId, Failure, FailureKind};

use super::actor::{Documents, Start};
use super::{ShardContext, SimulatedShard};
use crate::event::Ticket;
use crate::execution::Ask;

impl SimulatedShard {
    /// Fails an execution from its documents.
    pub(super) fn give_up(
        &mut self,
        peid: ExecutionId,
        start: Start,
        failure: Failure,
        shard_cx: &mut ShardContext<'_>,
    ) {
        let Start::Read(documents) = start else { return };
        let Documents { document, tasks, .. } = *documents;
        let now = shard_cx.home.clock(shard_cx.cx);
        let epoch = shard_cx.home.epochs.of(&document.head.tenant_code);
        let (given_up, writes) = fail_abandoned(document, &tasks, epoch, failure, now);
        shard_cx.cx.statistics.count("executions given up");
        shard_cx.cx.oracle.gave_up(&given_up, &tasks, &writes);
        self.given_up.insert(peid, (given_up, tasks));
        self.commit(writes, Need::Durable, Ticket::GivenUp(peid, epoch), shard_cx);
    }

    /// The store refuses an update of an execution for good.
    pub fn fail(&mut self, peid: ExecutionId, shard_cx: &mut ShardContext<'_>) {
        let failure = Failure::new(FailureKind::Store, "the store will never take an update");
        let _ = self.ask(peid, Ask::Fail(failure), shard_cx);
    }
}
