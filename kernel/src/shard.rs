//! One shard: the executions of its tenants, as slots that hold ids and states. Decides when an execution is started,
//! read back, parked, given up and forgotten, and which actor handles a control. Holds no control and no machine of an
//! execution, performs nothing and reads no clock.
//!
//! The driver feeds events in ([`Shard::on`]), then carries out commands ([`Shard::next_command`]) one at a time. `S`
//! is the data that an execution starts from, which is passed through and not kept.

mod command;
mod commits;
mod load;
mod slot;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use updraft_protocol::{ExecutionId, Timestamp};

pub use command::{Loaded, ShardCommand, ShardEvent};
pub use commits::CommitQueue;
pub use load::{Load, LoadStep, Since};

use crate::execution::Exit;
use slot::{Slot, State};

/// The executions of one shard.
pub struct Shard<S> {
    slots: BTreeMap<ExecutionId, Slot>,
    /// Parked executions, ordered by the instant that they wait for.
    parked: BTreeSet<(Timestamp, ExecutionId)>,
    /// The instant for which the alarm is set.
    alarm: Option<Timestamp>,
    draining: bool,
    /// The driver waits until nothing runs.
    drain_awaited: bool,
    commands: VecDeque<ShardCommand<S>>,
}

impl<S> Default for Shard<S> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            parked: BTreeSet::new(),
            alarm: None,
            draining: false,
            drain_awaited: false,
            commands: VecDeque::new(),
        }
    }
}

impl<S> Shard<S> {
    /// The number of its executions, in memory or parked.
    pub fn executions(&self) -> usize {
        self.slots.len()
    }

    /// Whether the actor of an execution has died too often to be restarted.
    pub fn gives_up(&self, peid: ExecutionId) -> bool {
        self.slots.get(&peid).is_some_and(Slot::gives_up)
    }

    /// The next command; `None` until the next event.
    pub fn next_command(&mut self) -> Option<ShardCommand<S>> {
        self.commands.pop_front()
    }

    /// Applies an event.
    pub fn on(&mut self, event: ShardEvent<S>, now: Timestamp) {
        match event {
            // After a restart of the shard, the same execution may already have been read from the store.
            ShardEvent::Accepted(peid, start) => {
                if let Entry::Vacant(vacant) = self.slots.entry(peid) {
                    vacant.insert(Slot::default());
                    self.start(peid, start);
                }
            }
            ShardEvent::Unfinished(peid, since) => {
                if let Entry::Vacant(vacant) = self.slots.entry(peid) {
                    vacant.insert(Slot::default());
                    self.load(peid, Load::new(since));
                }
            }
            ShardEvent::Loaded(peid, loaded) => self.loaded(peid, loaded),
            ShardEvent::Exited(peid, exit) => self.exited(peid, exit),
            ShardEvent::Died(peid) => {
                if let Some(slot) = self.slots.get_mut(&peid) {
                    slot.died(now);
                    self.load(peid, Load::new(Since::Now));
                }
            }
            ShardEvent::Asked(peid) => self.asked(peid),
            ShardEvent::Woken(peid) => self.woken(peid),
            ShardEvent::GivenUp(peid) => self.forget(peid),
            ShardEvent::NotGivenUp(peid) => self.lose(peid),
            ShardEvent::Alarm => self.wake(now),
            ShardEvent::Drain => self.drain(),
        }
    }

    fn start(&mut self, peid: ExecutionId, start: S) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        slot.state = State::Running;
        self.commands.push_back(ShardCommand::Start(peid, start));
        if self.draining {
            self.commands.push_back(ShardCommand::Drain(peid));
        }
    }

    fn exited(&mut self, peid: ExecutionId, exit: Exit) {
        match exit {
            Exit::Ended => self.forget(peid),
            Exit::Drained => {
                self.commands.push_back(ShardCommand::Release(peid));
                self.forget(peid);
            }
            Exit::Parked { due, lsn } => self.park(peid, due, lsn),
            Exit::Lost => self.lose(peid),
            Exit::Unfit(reason) => {
                if let Some(slot) = self.slots.get_mut(&peid) {
                    slot.unfit(reason);
                    self.load(peid, Load::new(Since::Now));
                }
            }
        }
    }

    fn park(&mut self, peid: ExecutionId, due: Timestamp, lsn: u64) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        slot.state = State::Parked { due, lsn };
        self.parked.insert((due, peid));
        self.set_alarm();
        self.check_drained();
    }

    /// Sets the alarm for the first parked execution.
    fn set_alarm(&mut self) {
        if let Some((due, _)) = self.parked.first().copied()
            && self.alarm.is_none_or(|alarm| due < alarm)
        {
            self.alarm = Some(due);
            self.commands.push_back(ShardCommand::SetAlarm(due));
        }
    }

    /// Reads back the parked executions that are due.
    fn wake(&mut self, now: Timestamp) {
        self.alarm = None;
        while let Some((_, peid)) = self.parked.first().copied().filter(|(due, _)| *due <= now) {
            self.parked.pop_first();
            if let Some(Slot { state: State::Parked { lsn, .. }, .. }) = self.slots.get(&peid) {
                let load = Load::of_parked(*lsn);
                self.load(peid, load);
            }
        }
        self.set_alarm();
    }

    fn load(&mut self, peid: ExecutionId, load: Load) {
        if let Some(slot) = self.slots.get_mut(&peid) {
            slot.state = State::Loading;
            self.commands.push_back(ShardCommand::Load { peid, load });
        }
    }

    fn loaded(&mut self, peid: ExecutionId, loaded: Loaded<S>) {
        let Some(slot) = self.slots.get_mut(&peid).filter(|slot| slot.state == State::Loading) else {
            return;
        };
        match loaded {
            Loaded::Unfinished { start, failure } => {
                let failure = failure.or_else(|| slot.failure());
                match failure {
                    Some(failure) => self.commands.push_back(ShardCommand::GiveUp { peid, start, failure }),
                    None => self.start(peid, start),
                }
            }
            Loaded::Ended => self.forget(peid),
            Loaded::Nothing => self.lose(peid),
        }
    }

    /// Has the execution's actor look at its controls; starts the actor if there is none.
    fn asked(&mut self, peid: ExecutionId) {
        let Some(slot) = self.slots.get(&peid) else { return };
        match slot.state {
            State::Running => self.commands.push_back(ShardCommand::Look(peid)),
            State::Loading => self.commands.push_back(ShardCommand::Hurry(peid)),
            State::Parked { due, lsn } => {
                self.parked.remove(&(due, peid));
                self.load(peid, Load::of_parked(lsn));
                self.commands.push_back(ShardCommand::Hurry(peid));
            }
        }
    }

    /// Has the execution's actor look at its controls. Nobody waits for the answer: a parked execution is read back in
    /// its turn.
    fn woken(&mut self, peid: ExecutionId) {
        let Some(slot) = self.slots.get(&peid) else { return };
        match slot.state {
            State::Running => self.commands.push_back(ShardCommand::Look(peid)),
            State::Loading => {}
            State::Parked { due, lsn } => {
                self.parked.remove(&(due, peid));
                self.load(peid, Load::of_parked(lsn));
            }
        }
    }

    /// Every running execution leaves when its attempts have ended; parked ones stay in the store.
    fn drain(&mut self) {
        (self.draining, self.drain_awaited) = (true, true);
        for (peid, slot) in &self.slots {
            if slot.state == State::Running {
                self.commands.push_back(ShardCommand::Drain(*peid));
            }
        }
        self.check_drained();
    }

    fn check_drained(&mut self) {
        let parked = |slot: &Slot| matches!(slot.state, State::Parked { .. });
        if self.drain_awaited && self.slots.values().all(parked) {
            self.drain_awaited = false;
            self.commands.push_back(ShardCommand::Drained);
        }
    }

    fn lose(&mut self, peid: ExecutionId) {
        self.commands.push_back(ShardCommand::Lose(peid));
        self.forget(peid);
    }

    fn forget(&mut self, peid: ExecutionId) {
        if self.slots.remove(&peid).is_some() {
            self.commands.push_back(ShardCommand::Forget(peid));
            self.check_drained();
        }
    }
}

#[cfg(test)]
mod tests;
