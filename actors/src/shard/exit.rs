//! What follows when an execution's actor has ended: nothing, a wait, or a successor.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use updraft_kernel::machine::fail_abandoned;
use updraft_kernel::shared::permits::Permit;
use updraft_protocol::{ExecutionDocument, ExecutionId, Failure, FailureKind, TaskDocument, Timestamp};

use super::Shard;
use super::news::News;
use super::resident::{Place, Verdict};
use crate::execution::{Birth, Exit, Remains};
use crate::live::{Live, Lost};
use crate::revive::{Found, Since, find};

/// How often the clock is looked at while executions are parked: it may be set forward, and a machine that
/// slept has not counted the time.
const CLOCK_LOOK: Duration = Duration::from_secs(1);

impl Shard {
    /// An execution's actor has ended.
    pub(super) fn exited(&mut self, peid: ExecutionId, exit: Exit, ctx: &mut Context<Self>) {
        match exit {
            Exit::Ended => self.forget(peid),
            Exit::Drained => {
                if let Some(resident) = self.residents.get(&peid) {
                    resident.live.hold(None);
                }
                self.forget(peid);
            }
            Exit::Parked { due, lsn, permit } => self.park(peid, (due, lsn), permit, ctx),
            Exit::Lost => self.lose(peid, Lost::ShutDown),
            Exit::Unfit(unfit) => self.give_up_stored(peid, unfit.to_string(), ctx),
        }
    }

    /// An execution's actor has ended without a word.
    pub(super) fn died(&mut self, peid: ExecutionId) {
        let now = self.core.clock.now();
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        metrics::counter!("updraft_execution_panics_total").increment(1);
        match resident.died(now) {
            Verdict::Restart => tracing::error!(%peid, "an execution's actor panicked and is restarted"),
            Verdict::GiveUp => {
                tracing::error!(%peid, "an execution's actor panicked too often and is failed")
            }
        }
        self.revive(peid, Since::Now);
    }

    fn park(
        &mut self,
        peid: ExecutionId,
        (due, lsn): (Timestamp, u64),
        permit: Permit,
        ctx: &mut Context<Self>,
    ) {
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        resident.park(due, lsn);
        // In place of the one that it had among those in flight.
        resident.live.hold(Some(permit));
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
            self.revive(peid, Since::Position(lsn));
        }
        self.set_alarm(ctx);
    }

    /// Reads an execution back and starts its actor again. One that gave up its place takes one again, but
    /// for who asks for it: nobody waits for an answer until the engine has a place.
    pub(super) fn revive(&mut self, peid: ExecutionId, since: Since) {
        let Some(resident) = self.residents.get_mut(&peid) else { return };
        let asked = matches!(resident.place, Place::Parked { .. }).then(|| resident.asked());
        resident.place = Place::Reviving;
        let (core, live) = (self.core.clone(), resident.live.clone());
        // What its actor had handed over must be in the journal before the journal is asked.
        let settled = matches!(since, Since::Now).then(|| self.commits.settled());
        let revivals = self.revivals.clone();
        let finding = async move {
            if let Some(settled) = settled {
                let _ = settled.await;
            }
            if let Some(asked) = asked {
                tokio::select! {
                    biased;
                    permit = core.places.acquire(&live.tenant) => live.hold(Some(permit)),
                    () = asked.notified() => {}
                }
            }
            let _turn = revivals.acquire_owned().await;
            find(&core, &live, since).await
        };
        let (member, messenger) = (self.parent.member(), self.news.messenger(peid));
        actix::spawn(async move {
            tokio::select! {
                biased;
                () = member.orphaned() => {}
                found = finding => messenger.bring(News::Found(found)),
            }
        });
    }

    pub(super) fn revived(&mut self, peid: ExecutionId, found: Result<Found, Lost>, ctx: &mut Context<Self>) {
        let Some(resident) = self.residents.get(&peid) else { return };
        let (live, given_up) = (resident.live.clone(), resident.given_up());
        let found = match (found, live.doomed()) {
            (
                Ok(Found::Unfinished { document, tasks, .. } | Found::Unplanned { document, tasks, .. }),
                Some(failure),
            ) => return self.write_off(&live, *document, &tasks, failure.clone(), ctx),
            (found, _) => found,
        };
        match found {
            Ok(Found::Unfinished { document, tasks, .. }) if given_up => {
                let message = "the execution's actor panicked too often";
                self.write_off(
                    &live,
                    *document,
                    &tasks,
                    Failure::new(FailureKind::Supervision, message),
                    ctx,
                );
            }
            Ok(Found::Unfinished { plan, document, tasks }) => {
                live.accept(Ok(()));
                let remains = Remains { plan, document: *document, tasks };
                self.bear(&live, Birth::Resumed(Box::new(remains)));
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
        let (document, writes) = fail_abandoned(document, tasks, self.core.terms.epoch, failure, now);
        let live = live.clone();
        let committed = self.commits.commit_for_shard(writes).into_actor(self);
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
        self.check_drained();
    }
}
