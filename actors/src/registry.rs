//! The registry: the executions of this engine, by id and by idempotency key. A cache of handles; the journal and the
//! store are authoritative.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use updraft_protocol::limits::QUEUED_SWEPT_AT_ONCE;
use updraft_protocol::{ExecutionId, IdempotencyKey};

use crate::entry::RegistryEntry;
use crate::poisoned::Poisoned;

/// The executions of one engine. Bounded by admission: each holds a permit, is parked, waits for the write-behind, which is
/// bounded too, or is queued and held by the embedding application.
#[derive(Debug, Default)]
pub struct Registry {
    executions: DashMap<ExecutionId, Arc<RegistryEntry>>,
    keys: DashMap<IdempotencyKey, Arc<RegistryEntry>>,
    /// Ended executions, until the store has their end: (journal position, id), oldest first.
    ended: Mutex<VecDeque<(u64, ExecutionId)>>,
    /// Queued executions, until the store has them and nobody holds them: (journal position, entry).
    queued: Mutex<VecDeque<(u64, Arc<RegistryEntry>)>>,
    /// Executions to be failed before the start resumes any.
    pub(crate) poisoned: Poisoned,
}

impl Registry {
    /// Adds an execution; if its id or its idempotency key is taken, returns the execution that has it.
    pub fn add(&self, entry: Arc<RegistryEntry>) -> Result<(), Arc<RegistryEntry>> {
        if let Some(key) = entry.key() {
            match self.keys.entry(key.clone()) {
                Entry::Occupied(first) => return Err(first.get().clone()),
                Entry::Vacant(place) => {
                    place.insert(entry.clone());
                }
            }
        }
        match self.executions.entry(entry.peid) {
            Entry::Occupied(first) => return Err(first.get().clone()),
            Entry::Vacant(place) => place.insert(entry),
        };
        Ok(())
    }

    /// The execution with this id, if this engine runs it.
    pub fn get(&self, peid: ExecutionId) -> Option<Arc<RegistryEntry>> {
        self.executions.get(&peid).map(|entry| entry.clone())
    }

    /// The execution that was added under a key, until it is forgotten.
    pub fn under_key(&self, key: &IdempotencyKey) -> Option<Arc<RegistryEntry>> {
        self.keys.get(key).map(|entry| entry.clone())
    }

    /// Forgets an execution.
    pub fn remove(&self, entry: &RegistryEntry) {
        self.executions.remove(&entry.peid);
        if let Some(key) = entry.key() {
            self.keys.remove_if(key, |_, held| held.peid == entry.peid);
        }
    }

    /// Forgets an ended execution once the store has everything up to `lsn`.
    pub fn remove_when_stored(&self, peid: ExecutionId, lsn: u64) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push_back((lsn, peid));
    }

    /// Forgets a queued execution once the store has everything up to `lsn`, and nobody holds it.
    pub fn forget_queued(&self, entry: Arc<RegistryEntry>, lsn: u64) {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner).push_back((lsn, entry));
    }

    /// Forgets the queued executions that the store has and that nobody holds.
    fn sweep_queued(&self, stored_below: u64) {
        let mut some: Vec<(u64, Arc<RegistryEntry>)> = {
            let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
            let count = queued.len().min(QUEUED_SWEPT_AT_ONCE);
            queued.drain(..count).collect()
        };
        some.retain(|(lsn, entry)| entry.is_queued() && !(*lsn < stored_below && self.is_forgotten(entry)));
        self.queued.lock().unwrap_or_else(PoisonError::into_inner).extend(some);
    }

    /// Forgets an entry that nobody holds but the registry and the caller. Whoever looks for it meanwhile finds it, and holds it,
    /// or finds nothing, and asks the store.
    fn is_forgotten(&self, entry: &Arc<RegistryEntry>) -> bool {
        if let Some(key) = entry.key() {
            let is_own = |held_by: &Arc<RegistryEntry>| Arc::ptr_eq(held_by, entry);
            let gone = self.keys.remove_if(key, |_, found| is_own(found) && Arc::strong_count(found) == 3);
            // The key may be gone since an earlier sweep.
            if gone.is_none() && self.keys.get(key).is_some_and(|found| is_own(&found)) {
                return false;
            }
            drop(gone);
        }
        let is_last = |found: &Arc<RegistryEntry>| Arc::ptr_eq(found, entry) && Arc::strong_count(found) == 2;
        self.executions.remove_if(&entry.peid, |_, found| is_last(found)).is_some()
    }

    /// Forgets the ended executions whose end the store has, all positions below `stored_below`, and queued ones.
    pub fn sweep(&self, stored_below: u64) {
        self.sweep_queued(stored_below);
        let gone: Vec<ExecutionId> = {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let count = ended.iter().take_while(|(lsn, _)| *lsn < stored_below).count();
            ended.drain(..count).map(|(_, peid)| peid).collect()
        };
        for peid in gone {
            if let Some(entry) = self.get(peid) {
                self.remove(&entry);
            }
        }
    }

    /// The unfinished executions for which `wanted` is true.
    pub fn unfinished(&self, wanted: impl Fn(&RegistryEntry) -> bool) -> Vec<Arc<RegistryEntry>> {
        let open = self.executions.iter().filter(|entry| entry.outcome().is_none() && wanted(entry));
        open.map(|entry| entry.clone()).collect()
    }
}
