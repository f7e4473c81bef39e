//! Reading executions back. An execution that a control waits for is read alone. Those that the start found are read in
//! groups, one after another, since each call of the store costs more than the read of one execution.

use std::collections::hash_map::Entry;
use std::rc::Rc;

use tokio::sync::Notify;
use updraft_kernel::shard::{Load, LoadStep, Loaded, ShardEvent};
use updraft_protocol::ExecutionId;
use updraft_protocol::limits::REVIVALS_AT_ONCE;

use super::Shard;
use super::message::{SlotEvent, SlotReport};
use super::slot::Slot;
use crate::load::{find, find_all};

impl Shard {
    /// Reads an execution back. One that gave up its admission permit takes one again, unless a control waits for it:
    /// an answer must not depend on free permits.
    pub(super) fn load(&mut self, peid: ExecutionId, mut load: Load) {
        let Some(slot) = self.slot_of(peid) else {
            // The engine has failed meanwhile, and has told those who wait for it.
            return self.shard.on(ShardEvent::Loaded(peid, Loaded::Nothing), self.context.clock.now());
        };
        let hurried = Rc::new(Notify::new());
        slot.hurried = Some(hurried.clone());
        let entry = slot.entry.clone();
        let (context, loads) = (self.context.clone(), self.loads.clone());
        let commits = self.commits.clone();
        let reading = async move {
            let mut turn = None;
            loop {
                let step = load.next(&context.stored);
                if turn.is_none() && matches!(step, LoadStep::Flush | LoadStep::Read) {
                    turn = Some(loads.clone().acquire_owned().await);
                }
                match step {
                    LoadStep::Settle => {
                        let _ = commits.settled().await;
                    }
                    LoadStep::Acquire => {
                        let now = context.clock.now();
                        tokio::select! {
                            biased;
                            permit = context.admission.acquire(&entry.tenant, entry.priority(), now) => {
                                entry.hold(Some(permit));
                            }
                            () = hurried.notified() => {}
                        }
                    }
                    LoadStep::Flush => context.flush().await?,
                    LoadStep::Read => return find(&context, &entry).await,
                }
            }
        };
        let report = SlotReport::of(&self.inbox, peid);
        self.spawn_read(async move { report.give(SlotEvent::Found(reading.await)) });
    }

    /// Its slot; one that was parked has it again.
    fn slot_of(&mut self, peid: ExecutionId) -> Option<&mut Slot> {
        match self.slots.entry(peid) {
            Entry::Occupied(slot) => Some(slot.into_mut()),
            Entry::Vacant(vacant) => Some(vacant.insert(Slot::new(self.context.registry.get(peid)?))),
        }
    }

    /// Reads executions back that are as the start found them; each resumes as soon as its group is read.
    pub(super) fn load_all(&self, found: Vec<ExecutionId>) {
        if found.is_empty() {
            return;
        }
        let report = |peid: ExecutionId| {
            let entry = self.slots.get(&peid)?.entry.clone();
            Some((entry, SlotReport::of(&self.inbox, peid)))
        };
        // The oldest first; the list is in reverse order.
        let mut found: Vec<_> = found.into_iter().filter_map(report).collect();
        let (context, loads) = (self.context.clone(), self.loads.clone());
        self.spawn_read(async move {
            while !found.is_empty() {
                let (entries, reports): (Vec<_>, Vec<_>) =
                    found.split_off(found.len().saturating_sub(REVIVALS_AT_ONCE)).into_iter().rev().unzip();
                // All permits for reads: there are no other reads at this time.
                let turns = u32::try_from(REVIVALS_AT_ONCE).unwrap_or(1);
                let _turns = loads.acquire_many(turns).await;
                for (report, found) in reports.into_iter().zip(find_all(&context, &entries).await) {
                    report.give(SlotEvent::Found(found));
                }
            }
        });
    }

    /// Runs a read for as long as the shard exists.
    fn spawn_read(&self, reading: impl Future<Output = ()> + 'static) {
        let member = self.scope.member();
        actix::spawn(async move {
            tokio::select! {
                biased;
                () = member.cancelled() => {}
                () = reading => {}
            }
        });
    }
}
