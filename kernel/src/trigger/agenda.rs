//! The agenda: what is looked at when, ordered by the instant, so that nobody walks over all. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::Timestamp;

/// Keys, each with the instant at which it is looked at next.
#[derive(Debug)]
pub struct Agenda<K> {
    by_instant: BTreeSet<(Timestamp, K)>,
    by_key: BTreeMap<K, Timestamp>,
}

impl<K> Default for Agenda<K> {
    fn default() -> Self {
        Self { by_instant: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Agenda<K> {
    /// Notes when a key is looked at, in place of what was noted before; never where nothing is said.
    pub fn note(&mut self, key: K, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.by_key.insert(key.clone(), at),
            None => self.by_key.remove(&key),
        };
        if let Some(before) = before {
            self.by_instant.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_instant.insert((at, key));
        }
    }

    /// The next instant.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_instant.first().map(|(at, _)| *at)
    }

    /// Takes the key that is due first.
    pub fn take_due(&mut self, now: Timestamp) -> Option<K> {
        self.next().filter(|at| *at <= now)?;
        let (_, key) = self.by_instant.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}
