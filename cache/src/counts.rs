//! Counts: how often a cache was asked, and what became of it. Owns the figures of one kind.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// The counters of one cache.
#[derive(Debug, Default)]
pub(crate) struct CacheCounts {
    hits: AtomicU64,
    stale: AtomicU64,
    joined: AtomicU64,
    loads: AtomicU64,
    failed: AtomicU64,
    evicted: AtomicU64,
    shared: AtomicU64,
    rejected: AtomicU64,
    unkept: AtomicU64,
}

/// How a cache has served since it was made, and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CacheFigures {
    /// The kind of its entries.
    pub kind: String,
    /// Those who were given what was in memory.
    pub hits: u64,
    /// Those who were given what was over, while it was loaded again.
    pub stale: u64,
    /// Those who waited for a load that another one had begun.
    pub joined: u64,
    /// Loads.
    pub loads: u64,
    /// Loads that failed.
    pub failed: u64,
    /// Entries that had to make room.
    pub evicted: u64,
    /// Those who were given what was in Redis.
    pub shared: u64,
    /// What was found in Redis and not believed.
    pub rejected: u64,
    /// What could not be kept in Redis.
    pub unkept: u64,
    /// Entries in memory.
    pub entries: u64,
    /// What they weigh; a small one counts as its share of the bound.
    pub bytes: u64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl CacheCounts {
    pub(crate) fn hit(&self) {
        count(&self.hits);
    }

    pub(crate) fn stale(&self) {
        count(&self.stale);
    }

    pub(crate) fn joined(&self) {
        count(&self.joined);
    }

    pub(crate) fn loaded(&self, has_failed: bool) {
        count(&self.loads);
        if has_failed {
            count(&self.failed);
        }
    }

    pub(crate) fn evicted(&self) {
        count(&self.evicted);
    }

    pub(crate) fn shared(&self) {
        count(&self.shared);
    }

    pub(crate) fn rejected(&self) {
        count(&self.rejected);
    }

    pub(crate) fn unkept(&self) {
        count(&self.unkept);
    }

    pub(crate) fn figures(&self, kind: &str, (entries, bytes): (u64, u64)) -> CacheFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheFigures {
            kind: kind.to_owned(),
            hits: read(&self.hits),
            stale: read(&self.stale),
            joined: read(&self.joined),
            loads: read(&self.loads),
            failed: read(&self.failed),
            evicted: read(&self.evicted),
            shared: read(&self.shared),
            rejected: read(&self.rejected),
            unkept: read(&self.unkept),
            entries,
            bytes,
        }
    }
}

impl CacheFigures {
    /// The share of those who asked that were given what was kept, or loaded for another one.
    pub fn hit_ratio(&self) -> Option<f64> {
        let served = self.hits + self.stale + self.joined + self.shared;
        let asked = served + self.loads;
        (asked > 0).then(|| served as f64 / asked as f64)
    }
}
