//! The registry: the executions that this engine runs, by id and by idempotency key. A cache of handles;
//! the journal and the store are the truth.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use updraft_protocol::{ExecutionId, IdempotencyKey};

use crate::doomed::Doomed;
use crate::live::Live;

/// The executions of one engine. Bounded by admission: each holds a permit, is parked, or waits for the
/// write-behind, which has bounds of its own.
#[derive(Debug, Default)]
pub struct Registry {
    executions: DashMap<ExecutionId, Arc<Live>>,
    keys: DashMap<IdempotencyKey, Arc<Live>>,
    /// Ended executions, until the store has their end: (journal position, id), oldest first.
    ended: Mutex<VecDeque<(u64, ExecutionId)>>,
    /// Executions to be failed before the start has any go on.
    pub(crate) doomed: Doomed,
}

impl Registry {
    /// Adds an execution, unless one was added under its idempotency key before: then that one.
    pub fn add(&self, live: Arc<Live>) -> Result<(), Arc<Live>> {
        if let Some(key) = &live.key {
            match self.keys.entry(key.clone()) {
                Entry::Occupied(first) => return Err(first.get().clone()),
                Entry::Vacant(place) => {
                    place.insert(live.clone());
                }
            }
        }
        self.executions.insert(live.peid, live);
        Ok(())
    }

    /// The execution with this id, if this engine runs it.
    pub fn get(&self, peid: ExecutionId) -> Option<Arc<Live>> {
        self.executions.get(&peid).map(|live| live.clone())
    }

    /// The execution that was added under a key, until it is forgotten.
    pub fn under_key(&self, key: &IdempotencyKey) -> Option<Arc<Live>> {
        self.keys.get(key).map(|live| live.clone())
    }

    /// Forgets an execution.
    pub fn remove(&self, live: &Live) {
        self.executions.remove(&live.peid);
        if let Some(key) = &live.key {
            self.keys.remove_if(key, |_, held| held.peid == live.peid);
        }
    }

    /// Forgets an ended execution once the store has all below `lsn` and itself.
    pub fn remove_when_stored(&self, peid: ExecutionId, lsn: u64) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push_back((lsn, peid));
    }

    /// Forgets the ended executions whose end the store has: all positions below `stored_below`.
    pub fn sweep(&self, stored_below: u64) {
        let gone: Vec<ExecutionId> = {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let count = ended.iter().take_while(|(lsn, _)| *lsn < stored_below).count();
            ended.drain(..count).map(|(_, peid)| peid).collect()
        };
        for peid in gone {
            if let Some(live) = self.get(peid) {
                self.remove(&live);
            }
        }
    }

    /// The executions that have not ended and that `wanted` asks for.
    pub fn unfinished(&self, wanted: impl Fn(&Live) -> bool) -> Vec<Arc<Live>> {
        let open = self.executions.iter().filter(|live| live.outcome().is_none() && wanted(live));
        open.map(|live| live.clone()).collect()
    }
}
