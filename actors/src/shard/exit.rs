//! What follows when an execution's actor has ended: nothing, a wait, or a successor.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use updraft_kernel::machine::give_up;
use updraft_kernel::shared::permits::Acquire;
use updraft_protocol::{ExecutionDocument, ExecutionId, Failure, FailureKind, TaskDocument, Timestamp};

use super::resident::{Place, Verdict};
use super::Shard;
use crate::execution::{Birth, Exit};
use crate::live::{Live, Lost};
use crate::revive::{Found, Since, find};

/// The pause before a revived execution asks again for a place in a full engine.
const PLACE_PAUSE: Duration = Duration::from_millis(100);

/// How often the clock is looked at while executions are parked: it may be set forward, and a machine that
/// slept has not counted the time.
const CLOCK_LOOK: Duration = Duration::from_secs(1);

impl Shard {
    /// An execution's actor has ended; without a word when it died.
    pub(super) fn exited(&mut self, peid: ExecutionId, exit: Option<Exit>, ctx: &mut Context<Self>) {
        match exit {
            Some(Exit::Ended | Exit::Drained) => self.forget(peid),
            Some(Exit::Parked { due, lsn }) => self.park(peid, due, lsn, ctx),
            Some(Exit::Lost) => self.lose(peid, Lost::ShutDown),
            Some(Exit::Unfit(unfit)) => self.give_up_stored(peid, unfit.to_string(), ctx),
            None => self.died(peid, ctx),
        }
    }

    fn died(&mut self, peid: ExecutionId, ctx: &mut Context<Self>) {
        let now = self.core.clock.now();
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        metrics::counter!("updraft_execution_panics_total").increment(1);
        match resident.died(now) {
            Verdict::Restart => tracing::error!(%peid, "an execution's actor panicked and is restarted"),
            Verdict::GiveUp => tracing::error!(%peid, "an execution's actor panicked too often and is failed"),
        }
        self.revive(peid, Since::Now, ctx);
    }

    fn park(&mut self, peid: ExecutionId, due: Timestamp, lsn: u64, ctx: &mut Context<Self>) {
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        resident.place = Place::Parked { due, lsn };
        resident.live.hold(None);
        self.parked.insert((due, peid));
        self.set_alarm(ctx);
        self.drained();
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
        let wait = Duration::from_millis(due.since(self.core.clock.now())).min(CLOCK_LOOK);
        let handle = ctx.run_later(wait, |shard, ctx| {
            shard.alarm = None;
            shard.wake_due(ctx);
        });
        self.alarm = Some((due, handle));
    }

    fn wake_due(&mut self, ctx: &mut Context<Self>) {
        let now = self.core.clock.now();
        while let Some((_, peid)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.parked.pop_first();
            let lsn = match self.residents.get(&peid).map(|resident| &resident.place) {
                Some(Place::Parked { lsn, .. }) => *lsn,
                _ => continue,
            };
            self.revive(peid, Since::Position(lsn), ctx);
        }
        self.set_alarm(ctx);
    }

    /// Reads an execution back and starts its actor again.
    pub(super) fn revive(&mut self, peid: ExecutionId, since: Since, ctx: &mut Context<Self>) {
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        let parked = matches!(resident.place, Place::Parked { .. });
        resident.place = Place::Reviving;
        let (core, live, revivals) = (self.core.clone(), resident.live.clone(), self.revivals.clone());
        let settled = self.commits.settled();
        let finding = async move {
            if matches!(since, Since::Now) {
                // What its actor had handed over must be in the journal before the journal is asked.
                let _ = settled.await;
            }
            if parked {
                take_place(&core, &live).await;
            }
            let _turn = revivals.acquire_owned().await;
            find(&core, &live, since).await
        };
        ctx.spawn(finding.into_actor(self).map(move |found, shard, ctx| shard.revived(peid, found, ctx)));
    }

    fn revived(&mut self, peid: ExecutionId, found: Result<Found, Lost>, ctx: &mut Context<Self>) {
        let Some(resident) = self.residents.get(&peid) else { return };
        let (live, given_up) = (resident.live.clone(), resident.given_up());
        match found {
            Ok(Found::Unfinished { document, tasks, .. }) if given_up => {
                let message = "the execution's actor panicked too often";
                self.write_off(&live, *document, &tasks, Failure::new(FailureKind::Supervision, message), ctx);
            }
            Ok(Found::Unfinished { plan, document, tasks }) => {
                live.accept(Ok(()));
                self.bear(&live, Birth::Resumed { plan, document, tasks }, ctx);
            }
            Ok(Found::Unplanned { document, tasks, reason }) => {
                self.write_off(&live, *document, &tasks, Failure::new(FailureKind::Playbook, reason), ctx);
            }
            Ok(Found::Ended(document)) => {
                live.accept(Ok(()));
                let _ = live.settle(Ok(Arc::new(*document)));
                self.core.registry.remove(&live);
                self.forget(peid);
            }
            Ok(Found::Nothing) => self.lose(peid, Lost::ShutDown),
            Err(lost) => self.lose(peid, lost),
        }
    }

    /// Its documents do not fit its playbook: fails it as they are.
    fn give_up_stored(&mut self, peid: ExecutionId, reason: String, ctx: &mut Context<Self>) {
        let Some(resident) = self.residents.get(&peid) else { return };
        let (core, live) = (self.core.clone(), resident.live.clone());
        let finding = async move { find(&core, &live, Since::Now).await };
        ctx.spawn(finding.into_actor(self).map(move |found, shard, ctx| {
            let Some(resident) = shard.residents.get(&peid) else { return };
            let live = resident.live.clone();
            match found {
                Ok(Found::Unfinished { document, tasks, .. }) => {
                    let failure = Failure::new(FailureKind::Playbook, reason);
                    shard.write_off(&live, *document, &tasks, failure, ctx);
                }
                found => shard.revived(peid, found, ctx),
            }
        }));
    }

    /// Ends an execution that has no machine, from its documents alone.
    fn write_off(
        &mut self,
        live: &Arc<Live>,
        document: ExecutionDocument,
        tasks: &[TaskDocument],
        failure: Failure,
        ctx: &mut Context<Self>,
    ) {
        let now = self.core.clock.now();
        let (document, writes) = give_up(document, tasks, self.core.terms.epoch, failure, now);
        let live = live.clone();
        let committed = self.commits.commit(writes).into_actor(self);
        ctx.spawn(committed.map(move |result, shard, _| match result {
            Ok(lsn) => {
                shard.core.registry.remove_when_stored(live.peid, lsn);
                let _ = live.settle(Ok(Arc::new(document)));
                shard.forget(live.peid);
            }
            Err(_) => shard.lose(live.peid, Lost::ShutDown),
        }));
    }

    fn lose(&mut self, peid: ExecutionId, why: Lost) {
        if let Some(resident) = self.residents.get(&peid) {
            self.core.lose(&resident.live, why);
        }
        self.forget(peid);
    }

    pub(super) fn forget(&mut self, peid: ExecutionId) {
        self.residents.remove(&peid);
        self.gauge();
        self.drained();
    }
}

/// Takes a place in the engine for an execution that gave up its own while it was parked.
async fn take_place(core: &crate::core::Core, live: &Live) {
    loop {
        match core.permits.try_acquire(&live.tenant) {
            Acquire::Granted(permit) => return live.hold(Some(permit)),
            Acquire::EngineFull | Acquire::TenantFull => tokio::time::sleep(PLACE_PAUSE).await,
        }
    }
}
