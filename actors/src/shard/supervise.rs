//! The events of slots: the ends and deaths of actors, and the results of reads.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use updraft_kernel::execution::{Exit, Need};
use updraft_kernel::machine::fail_abandoned;
use updraft_kernel::shard::{Loaded, ShardEvent};
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{ExecutionId, Failure};

use super::Shard;
use crate::entry::Lost;
use crate::execution::Start;
use crate::load::Found;
use crate::snapshot::Snapshot;

impl Shard {
    /// An execution's actor has ended.
    pub(super) fn exited(
        &mut self,
        peid: ExecutionId,
        exit: Exit,
        parked: Option<Permit>,
        ctx: &mut Context<Self>,
    ) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        slot.actor = None;
        if parked.is_some() {
            // Replaces its permit for an execution in flight.
            slot.entry.hold(parked);
            self.context.admission.show();
        }
        // Controls that arrived while it left did not reach it.
        let is_parked = matches!(exit, Exit::Parked { .. });
        let (is_awaited, is_asked) = (slot.entry.is_awaited(), slot.entry.is_asked());
        if is_parked {
            // The registry has its entry until it has ended, and most of what is parked waits for hours.
            self.slots.remove(&peid);
        }
        self.shard.on(ShardEvent::Exited(peid, exit), self.context.clock.now());
        if is_parked && is_asked {
            let event = if is_awaited { ShardEvent::Asked(peid) } else { ShardEvent::Woken(peid) };
            self.shard.on(event, self.context.clock.now());
        }
        self.proceed(ctx);
    }

    /// An execution's actor has died without a message.
    pub(super) fn died(&mut self, peid: ExecutionId, ctx: &mut Context<Self>) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        slot.actor = None;
        metrics::counter!("updraft_execution_panics_total").increment(1);
        self.shard.on(ShardEvent::Died(peid), self.context.clock.now());
        if self.shard.gives_up(peid) {
            tracing::error!(%peid, "an execution's actor panicked too often and is failed");
        } else {
            tracing::error!(%peid, "an execution's actor panicked and is restarted");
        }
        self.proceed(ctx);
    }

    /// An execution was read.
    pub(super) fn found(&mut self, peid: ExecutionId, found: Result<Found, Lost>, ctx: &mut Context<Self>) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        slot.hurried = None;
        let entry = &slot.entry;
        let loaded = match found {
            Ok(Found::Unfinished(snapshot, failure)) => {
                let failure = entry.poisoned().cloned().or(failure);
                Loaded::Unfinished { start: Start::Resumed(snapshot), failure }
            }
            Ok(Found::Ended(document)) => {
                entry.accept(Ok(()));
                // Its actor may have died before it did this.
                self.context.target_locks.release_all(peid);
                self.children.ended(&document);
                self.children.stop_stored(&document);
                let _ = entry.settle(Ok(Arc::new(*document)));
                self.context.registry.remove(entry);
                Loaded::Ended
            }
            Ok(Found::Nothing) => Loaded::Nothing,
            Err(lost) => {
                self.context.lose(entry, lost);
                Loaded::Nothing
            }
        };
        self.on(ShardEvent::Loaded(peid, loaded), ctx);
    }

    /// Ends an execution that has no machine, from its documents.
    pub(super) fn give_up(
        &mut self,
        peid: ExecutionId,
        start: Start,
        failure: Failure,
        ctx: &mut Context<Self>,
    ) {
        let (Some(slot), Start::Resumed(snapshot)) = (self.slots.get(&peid), start) else { return };
        let (entry, now) = (slot.entry.clone(), self.context.clock.now());
        let epoch = self.context.epochs.of(&snapshot.document.head.tenant_code);
        let Snapshot { document, tasks, .. } = *snapshot;
        let (document, writes) = fail_abandoned(document, &tasks, epoch, failure, now);
        let committed = self.commits.commit_for_shard(writes, Need::Durable).into_actor(self);
        ctx.spawn(committed.map(move |result, shard, ctx| {
            let Ok(lsn) = result else { return shard.on(ShardEvent::NotGivenUp(peid), ctx) };
            shard.context.registry.remove_when_stored(peid, lsn);
            shard.context.target_locks.release_all(peid);
            shard.children.ended(&document);
            shard.children.stop_left(&document, &tasks);
            let _ = entry.settle(Ok(Arc::new(document)));
            shard.on(ShardEvent::GivenUp(peid), ctx);
        }));
    }
}
