//! What follows when an execution's actor has ended: nothing, a wait, or a successor.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use updraft_kernel::execution::Exit;
use updraft_kernel::machine::give_up;
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{ExecutionDocument, ExecutionId, Failure, FailureKind, TaskDocument, Timestamp};

use super::Shard;
use super::message::{SlotEvent, SlotReport};
use super::slot::{Place, Verdict};
use crate::entry::{Lost, RegistryEntry};
use crate::execution::{Snapshot, Start};
use crate::load::{Found, Since, find};

/// How often the clock is looked at while executions are parked: it may be set forward, and a machine that
/// slept has not counted the time.
const CLOCK_LOOK: Duration = Duration::from_secs(1);

impl Shard {
    /// An execution's actor has ended.
    pub(super) fn exited(
        &mut self,
        peid: ExecutionId,
        exit: Exit,
        permit: Option<Permit>,
        ctx: &mut Context<Self>,
    ) {
        match exit {
            Exit::Ended => self.forget(peid),
            Exit::Drained => {
                if let Some(slot) = self.slots.get(&peid) {
                    slot.entry.hold(None);
                }
                self.forget(peid);
            }
            Exit::Parked { due, lsn } => self.park(peid, (due, lsn), permit, ctx),
            Exit::Lost => self.lose(peid, Lost::ShutDown),
            Exit::Unfit(unfit) => self.give_up_stored(peid, unfit, ctx),
        }
    }

    /// An execution's actor has ended without a word.
    pub(super) fn died(&mut self, peid: ExecutionId) {
        let now = self.context.clock.now();
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        metrics::counter!("updraft_execution_panics_total").increment(1);
        match slot.died(now) {
            Verdict::Restart => tracing::error!(%peid, "an execution's actor panicked and is restarted"),
            Verdict::GiveUp => {
                tracing::error!(%peid, "an execution's actor panicked too often and is failed")
            }
        }
        self.load(peid, Since::Now);
    }

    fn park(
        &mut self,
        peid: ExecutionId,
        (due, lsn): (Timestamp, u64),
        permit: Option<Permit>,
        ctx: &mut Context<Self>,
    ) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        slot.park(due, lsn);
        // In place of the one that it had among those in flight.
        slot.entry.hold(permit);
        self.parked.insert((due, peid));
        self.set_alarm(ctx);
        self.check_drained();
    }

    /// Arms the timer of the first parked execution.
    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let Some((due, _)) = self.parked.first().copied() else { return };
        if let Some((armed, handle)) = self.alarm.take() {
            if armed <= due {
                self.alarm = Some((armed, handle));
                return;
            }
            ctx.cancel_future(handle);
        }
        let wait = Duration::from_millis(due.since(self.context.clock.now())).min(CLOCK_LOOK);
        let handle = ctx.run_later(wait, |shard, ctx| {
            shard.alarm = None;
            shard.wake_due(ctx);
        });
        self.alarm = Some((due, handle));
    }

    fn wake_due(&mut self, ctx: &mut Context<Self>) {
        let now = self.context.clock.now();
        while let Some((_, peid)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.parked.pop_first();
            let lsn = match self.slots.get(&peid).map(|slot| &slot.place) {
                Some(Place::Parked { lsn, .. }) => *lsn,
                _ => continue,
            };
            self.load(peid, Since::Position(lsn));
        }
        self.set_alarm(ctx);
    }

    /// Reads an execution back and starts its actor again. One that gave up its place takes one again, but
    /// for who asks for it: nobody waits for an answer until the engine has a place.
    pub(super) fn load(&mut self, peid: ExecutionId, since: Since) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        let asked = matches!(slot.place, Place::Parked { .. }).then(|| slot.asked());
        slot.place = Place::Loading;
        let (context, entry) = (self.context.clone(), slot.entry.clone());
        // What its actor had handed over must be in the journal before the journal is asked.
        let settled = matches!(since, Since::Now).then(|| self.commits.settled());
        let loads = self.loads.clone();
        let finding = async move {
            if let Some(settled) = settled {
                let _ = settled.await;
            }
            if let Some(asked) = asked {
                tokio::select! {
                    biased;
                    permit = context.admission.acquire(&entry.tenant) => entry.hold(Some(permit)),
                    () = asked.notified() => {}
                }
            }
            let _turn = loads.acquire_owned().await;
            find(&context, &entry, since).await
        };
        let (member, report) = (self.scope.member(), SlotReport::of(&self.inbox, peid));
        actix::spawn(async move {
            tokio::select! {
                biased;
                () = member.cancelled() => {}
                found = finding => report.give(SlotEvent::Found(found)),
            }
        });
    }

    pub(super) fn loaded(&mut self, peid: ExecutionId, found: Result<Found, Lost>, ctx: &mut Context<Self>) {
        let Some(slot) = self.slots.get(&peid) else { return };
        let (entry, given_up) = (slot.entry.clone(), slot.given_up());
        let found = match (found, entry.poisoned()) {
            (
                Ok(Found::Unfinished { document, tasks, .. } | Found::Unplanned { document, tasks, .. }),
                Some(failure),
            ) => return self.write_off(&entry, *document, &tasks, failure.clone(), ctx),
            (found, _) => found,
        };
        match found {
            Ok(Found::Unfinished { document, tasks, .. }) if given_up => {
                let message = "the execution's actor panicked too often";
                self.write_off(
                    &entry,
                    *document,
                    &tasks,
                    Failure::new(FailureKind::Supervision, message),
                    ctx,
                );
            }
            Ok(Found::Unfinished { plan, document, tasks }) => {
                entry.accept(Ok(()));
                let snapshot = Snapshot { plan, document: *document, tasks };
                self.spawn(&entry, Start::Resumed(Box::new(snapshot)));
            }
            Ok(Found::Unplanned { document, tasks, reason }) => {
                self.write_off(&entry, *document, &tasks, Failure::new(FailureKind::Playbook, reason), ctx);
            }
            Ok(Found::Ended(document)) => {
                entry.accept(Ok(()));
                let _ = entry.settle(Ok(Arc::new(*document)));
                self.context.registry.remove(&entry);
                self.forget(peid);
            }
            Ok(Found::Nothing) => self.lose(peid, Lost::ShutDown),
            Err(lost) => self.lose(peid, lost),
        }
    }

    /// Its documents do not fit its playbook: fails it as they are.
    fn give_up_stored(&mut self, peid: ExecutionId, reason: String, ctx: &mut Context<Self>) {
        let Some(slot) = self.slots.get(&peid) else { return };
        let (context, entry) = (self.context.clone(), slot.entry.clone());
        let finding = async move { find(&context, &entry, Since::Now).await };
        ctx.spawn(finding.into_actor(self).map(move |found, shard, ctx| {
            let Some(slot) = shard.slots.get(&peid) else { return };
            let entry = slot.entry.clone();
            match found {
                Ok(Found::Unfinished { document, tasks, .. }) => {
                    let failure = Failure::new(FailureKind::Playbook, reason);
                    shard.write_off(&entry, *document, &tasks, failure, ctx);
                }
                found => shard.loaded(peid, found, ctx),
            }
        }));
    }

    /// Ends an execution that has no machine, from its documents alone.
    fn write_off(
        &mut self,
        entry: &Arc<RegistryEntry>,
        document: ExecutionDocument,
        tasks: &[TaskDocument],
        failure: Failure,
        ctx: &mut Context<Self>,
    ) {
        let now = self.context.clock.now();
        let (document, writes) = give_up(document, tasks, self.context.terms.epoch, failure, now);
        let entry = entry.clone();
        let committed = self.commits.commit_for_shard(writes).into_actor(self);
        ctx.spawn(committed.map(move |result, shard, _| match result {
            Ok(lsn) => {
                shard.context.registry.remove_when_stored(entry.peid, lsn);
                let _ = entry.settle(Ok(Arc::new(document)));
                shard.forget(entry.peid);
            }
            Err(_) => shard.lose(entry.peid, Lost::ShutDown),
        }));
    }

    fn lose(&mut self, peid: ExecutionId, why: Lost) {
        if let Some(slot) = self.slots.get(&peid) {
            self.context.lose(&slot.entry, why);
        }
        self.forget(peid);
    }

    pub(super) fn forget(&mut self, peid: ExecutionId) {
        self.slots.remove(&peid);
        self.gauge();
        self.check_drained();
    }
}
