//! A resident: one execution in its shard, wherever it is; its deaths, those of its shard, and the drain of both.
//! Mirrors `actors/src/shard/resident.rs` and `actors/src/shard/drain.rs`.

use std::collections::VecDeque;

use updraft_protocol::limits::{RESTART_WINDOW, RESTARTS};
use updraft_protocol::{ExecutionId, Failure, Timestamp};

use super::{Desk, Shard, Since};
use crate::event::Life;
use crate::execution::Execution;

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

/// What is asked of an execution that is not in its actor.
pub(super) enum Ask {
    /// To be cancelled.
    Cancel(usize),
    /// To fail.
    Fail(Failure),
}

/// One execution in its shard.
pub(super) struct Resident {
    pub(super) place: Place,
    pub(super) asks: Vec<Ask>,
    /// How often its actor will die as soon as it is started.
    pub(super) doomed: u32,
    deaths: VecDeque<Timestamp>,
}

impl Default for Resident {
    fn default() -> Self {
        Self { place: Place::Reviving(0), asks: Vec::new(), doomed: 0, deaths: VecDeque::new() }
    }
}

impl Resident {
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
    pub fn kill_actor(&mut self, times: u32, desk: &mut Desk<'_>) -> bool {
        let running =
            self.residents.iter_mut().find(|(_, resident)| matches!(resident.place, Place::Running(_)));
        let Some((peid, resident)) = running else { return false };
        resident.doomed = times.saturating_sub(1);
        let peid = *peid;
        self.died(peid, desk);
        true
    }

    /// An execution's actor has ended without a word.
    pub(super) fn died(&mut self, peid: ExecutionId, desk: &mut Desk<'_>) {
        let now = desk.home.clock(desk.cx);
        if let Some(resident) = self.residents.get_mut(&peid) {
            resident.died(now);
            self.revive(peid, Since::Now, desk);
        }
    }

    /// The shard's actor dies, and with it all its executions.
    pub fn die(&mut self, desk: &mut Desk<'_>) {
        self.residents.clear();
        self.parked.clear();
        self.alarm = None;
        self.dead = true;
        if !self.sending {
            self.reborn(desk);
        }
    }

    /// Another shard takes over: every unfinished execution of the registry is read back.
    pub(super) fn reborn(&mut self, desk: &mut Desk<'_>) {
        self.dead = false;
        let mine: Vec<ExecutionId> = desk
            .registry
            .unfinished()
            .filter(|(_, live)| desk.home.shard_of(&desk.cx.tenants[live.tenant]) == self.index)
            .map(|(peid, _)| peid)
            .collect();
        for peid in mine {
            self.revive(peid, Since::Now, desk);
        }
    }

    /// Nothing may stay running.
    pub fn drain(&mut self, desk: &mut Desk<'_>) {
        self.draining = true;
        let all: Vec<ExecutionId> = self.residents.keys().copied().collect();
        for peid in all {
            let Some(resident) = self.residents.get(&peid) else { continue };
            if let Place::Running(execution) = &resident.place {
                let life = execution.life;
                self.with(peid, life, desk, |execution, desk| execution.drain(&desk.home, desk.cx));
            }
        }
    }

    /// Whether nothing runs: what is parked stays in the store.
    pub fn is_drained(&self) -> bool {
        self.residents.values().all(|resident| matches!(resident.place, Place::Parked { .. }))
    }

    /// Whether nothing is left of anything.
    pub fn is_empty(&self) -> bool {
        self.residents.is_empty() && self.parked.is_empty() && self.waiting.is_empty() && !self.sending
    }
}
