//! A slot: one execution in its shard, wherever it is; its deaths, those of its shard, and the drain of both.
//! Mirrors `actors/src/shard/slot.rs` and `actors/src/shard/drain.rs`.

use std::collections::VecDeque;

use updraft_kernel::execution::ExecutionEvent;
use updraft_protocol::limits::{RESTART_WINDOW, RESTARTS};
use updraft_protocol::{ExecutionId, Timestamp};

use super::{Shard, ShardContext, Since};
use crate::event::Life;
use crate::execution::{Ask, Execution};

/// Where an execution is.
pub(super) enum Place {
    /// In its actor.
    Running(Box<Execution>),
    /// Being read back from the store.
    Reviving(Life),
    /// In the store only, until an instant.
    Parked {
        /// The instant.
        due: Timestamp,
        /// Where its last write stands.
        lsn: u64,
    },
}

/// One execution in its shard.
pub(super) struct Slot {
    pub(super) place: Place,
    pub(super) asks: Vec<Ask>,
    /// How often its actor will die as soon as it is started.
    pub(super) doomed: u32,
    deaths: VecDeque<Timestamp>,
}

impl Default for Slot {
    fn default() -> Self {
        Self { place: Place::Reviving(0), asks: Vec::new(), doomed: 0, deaths: VecDeque::new() }
    }
}

impl Slot {
    fn died(&mut self, now: Timestamp) {
        let window = u64::try_from(RESTART_WINDOW.as_millis()).unwrap_or(u64::MAX);
        self.deaths.retain(|death| now.since(*death) < window);
        self.deaths.push_back(now);
    }

    pub(super) fn given_up(&self) -> bool {
        self.deaths.len() > RESTARTS as usize
    }
}

impl Shard {
    /// The actor of one of the running executions dies, and so often again as soon as it is started.
    pub fn kill_actor(&mut self, times: u32, shard_cx: &mut ShardContext<'_>) -> bool {
        let running = self.slots.iter_mut().find(|(_, slot)| matches!(slot.place, Place::Running(_)));
        let Some((peid, slot)) = running else { return false };
        slot.doomed = times.saturating_sub(1);
        let peid = *peid;
        self.died(peid, shard_cx);
        true
    }

    /// An execution's actor has ended without a word.
    pub(super) fn died(&mut self, peid: ExecutionId, shard_cx: &mut ShardContext<'_>) {
        let now = shard_cx.home.clock(shard_cx.cx);
        if let Some(slot) = self.slots.get_mut(&peid) {
            slot.died(now);
            self.revive(peid, Since::Now, shard_cx);
        }
    }

    /// The shard's actor dies, and with it all its executions.
    pub fn die(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.slots.clear();
        self.parked.clear();
        self.alarm = None;
        self.dead = true;
        if !self.sending {
            self.reborn(shard_cx);
        }
    }

    /// Another shard takes over: every unfinished execution of the registry is read back.
    pub(super) fn reborn(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.dead = false;
        let mine: Vec<ExecutionId> = shard_cx
            .registry
            .unfinished()
            .filter(|(_, live)| shard_cx.home.shard_of(&shard_cx.cx.tenants[live.tenant]) == self.index)
            .map(|(peid, _)| peid)
            .collect();
        for peid in mine {
            self.revive(peid, Since::Now, shard_cx);
        }
    }

    /// Nothing may stay running.
    pub fn drain(&mut self, shard_cx: &mut ShardContext<'_>) {
        self.draining = true;
        let all: Vec<ExecutionId> = self.slots.keys().copied().collect();
        for peid in all {
            let Some(slot) = self.slots.get(&peid) else { continue };
            if let Place::Running(execution) = &slot.place {
                let life = execution.life;
                self.with(peid, life, shard_cx, |execution, shard_cx| {
                    execution.on(ExecutionEvent::Drain, &shard_cx.home, shard_cx.cx)
                });
            }
        }
    }

    /// Whether nothing runs: what is parked stays in the store.
    pub fn is_drained(&self) -> bool {
        self.slots.values().all(|slot| matches!(slot.place, Place::Parked { .. }))
    }

    /// Whether nothing is left of anything.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.parked.is_empty() && self.waiting.is_empty() && !self.sending
    }
}
