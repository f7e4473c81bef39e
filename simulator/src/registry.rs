//! The registry of one node: the executions that it runs, by id and by idempotency key. Mirrors
//! `actors/src/registry.rs` and what `actors/src/entry.rs` tells its waiters.

use std::collections::{BTreeMap, VecDeque};

use updraft_kernel::shared::controls::{AskVerdict, ControlQueue};
use updraft_protocol::{ExecutionId, IdempotencyKey, InputHash, KeyHolder};

use crate::execution::{Ask, HeldAsk};

/// An execution that a node runs.
#[derive(Debug, Clone)]
pub struct Live {
    /// Which order it answers.
    pub order: usize,
    /// Whose it is.
    pub tenant: usize,
    /// Its idempotency key.
    pub key: Option<IdempotencyKey>,
    /// The hash of its input, where it has a key.
    pub input_hash: Option<InputHash>,
    /// Whether the journal has it.
    pub accepted: bool,
    /// Whether its end was told.
    pub ended: bool,
}

/// The executions of one node.
#[derive(Default)]
pub struct SimulatedRegistry {
    lives: BTreeMap<ExecutionId, Live>,
    keys: BTreeMap<IdempotencyKey, ExecutionId>,
    ended: VecDeque<(u64, ExecutionId)>,
    /// What is asked of executions that have not ended; most have none.
    controls: BTreeMap<ExecutionId, ControlQueue<Ask>>,
}

impl SimulatedRegistry {
    /// Adds an execution.
    pub fn add(&mut self, peid: ExecutionId, live: Live) {
        if let Some(key) = &live.key {
            self.keys.insert(key.clone(), peid);
        }
        self.lives.insert(peid, live);
    }

    /// The execution with this id.
    pub fn get(&self, peid: ExecutionId) -> Option<&Live> {
        self.lives.get(&peid)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, peid: ExecutionId) -> Option<&mut Live> {
        self.lives.get_mut(&peid)
    }

    /// The execution under a key.
    pub fn under_key(&self, key: &IdempotencyKey) -> Option<KeyHolder> {
        let peid = *self.keys.get(key)?;
        Some(KeyHolder { peid, input_hash: self.get(peid)?.input_hash })
    }

    /// Holds what is asked of an execution until it is answered or the execution has ended; whether it does.
    pub fn ask(&mut self, peid: ExecutionId, ask: Ask) -> bool {
        let open = self.get(peid).is_some_and(|live| !live.ended);
        open && matches!(self.controls.entry(peid).or_default().ask(ask), AskVerdict::Held)
    }

    /// What is asked of an execution, came after the one with number `seen` and is not answered.
    pub fn asked_after(&self, peid: ExecutionId, seen: u64) -> Vec<HeldAsk> {
        let held = |number, ask: &Ask| HeldAsk { number, ask: ask.clone() };
        self.controls.get(&peid).map(|controls| controls.after(seen, held)).unwrap_or_default()
    }

    /// This was answered.
    pub fn answered(&self, peid: ExecutionId, number: u64) {
        let _answered = self.controls.get(&peid).and_then(|controls| controls.take(number));
    }

    /// Forgets an execution.
    pub fn remove(&mut self, peid: ExecutionId) {
        self.controls.remove(&peid);
        if let Some(Live { key: Some(key), .. }) = self.lives.remove(&peid)
            && self.keys.get(&key) == Some(&peid)
        {
            self.keys.remove(&key);
        }
    }

    /// Forgets an ended execution once the store has everything up to `lsn`.
    pub fn remove_when_stored(&mut self, peid: ExecutionId, lsn: u64) {
        if let Some(live) = self.lives.get_mut(&peid) {
            live.ended = true;
        }
        self.controls.remove(&peid);
        self.ended.push_back((lsn, peid));
    }

    /// Forgets the ended executions whose end the store has.
    pub fn sweep(&mut self, stored_below: u64) {
        while self.ended.front().is_some_and(|(lsn, _)| *lsn < stored_below) {
            if let Some((_, peid)) = self.ended.pop_front() {
                self.remove(peid);
            }
        }
    }

    /// The accepted executions that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = (ExecutionId, &Live)> {
        let open = self.lives.iter().filter(|(_, live)| live.accepted && !live.ended);
        open.map(|(peid, live)| (*peid, live))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lives.len()
    }
}
