//! The versions of what caches keep: counters that grow when something is invalidated, and values that can be read only at
//! the version at which their load began. Owns the order of load, invalidation and keeping; keeps no values and never waits.
//!
//! A *scope* is what can be invalidated at once: one key, all that begin as it does, a tag. Each falls on one of a fixed number
//! of counters; two that share a counter are invalidated together, which costs a load and is never wrong. The version of a
//! value is the sum of the counters of its scopes. They only grow, so the sum is the same only if each of them is.

use super::sync::{AtomicU64, Ordering};

/// Counters of scopes. Two scopes of ten thousand share one with two or three others.
#[cfg(not(loom))]
const COUNTERS: usize = 4_096;
#[cfg(loom)]
const COUNTERS: usize = 2;

/// The counters of one process.
#[derive(Debug)]
pub struct CacheVersions {
    /// Raised where it is not known what is invalid.
    all: AtomicU64,
    of: Box<[AtomicU64]>,
}

/// A load that has begun: only such a load makes a value that can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheLoad {
    scopes: Box<[u64]>,
    version: u64,
}

/// A value with the version at which its load began.
#[derive(Debug, Clone)]
pub struct Versioned<V> {
    load: CacheLoad,
    value: V,
}

impl Default for CacheVersions {
    fn default() -> Self {
        Self { all: AtomicU64::new(0), of: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl CacheVersions {
    /// Begins a load of a value with these scopes. What is read from now on is as new as all that has been raised before.
    pub fn begin(&self, scopes: &[u64]) -> CacheLoad {
        CacheLoad { scopes: scopes.into(), version: self.version(scopes) }
    }

    /// Whether nothing of a load was invalidated since it began.
    #[must_use]
    pub fn is_current(&self, load: &CacheLoad) -> bool {
        self.version(&load.scopes) == load.version
    }

    /// Invalidates what has this scope. The change that makes it invalid has to be visible before: to who begins a load
    /// afterwards, it is.
    pub fn raise(&self, scope: u64) {
        if let Some(counter) = self.counter(scope) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Invalidates everything.
    pub fn raise_all(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    fn version(&self, scopes: &[u64]) -> u64 {
        let counters = scopes.iter().filter_map(|scope| self.counter(*scope));
        counters.chain([&self.all]).fold(0, |sum, counter| sum.wrapping_add(counter.load(Ordering::Acquire)))
    }

    fn counter(&self, scope: u64) -> Option<&AtomicU64> {
        // The upper half of a hash decides too.
        let mixed = scope ^ (scope >> 32);
        self.of.get(usize::try_from(mixed % COUNTERS as u64).unwrap_or_default())
    }
}

impl CacheLoad {
    /// The value that was loaded.
    pub fn loaded<V>(self, value: V) -> Versioned<V> {
        Versioned { load: self, value }
    }
}

impl<V> Versioned<V> {
    /// The value, unless something of it was invalidated since its load began.
    pub fn get(&self, versions: &CacheVersions) -> Option<&V> {
        versions.is_current(&self.load).then_some(&self.value)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn each_scope_of_a_value_invalidates_it_and_no_other_does() {
        let versions = CacheVersions::default();
        for scope in [1, 2, 3] {
            let kept = versions.begin(&[1, 2, 3]).loaded("value");
            versions.raise(4);
            assert_eq!(kept.get(&versions), Some(&"value"));
            versions.raise(scope);
            assert_eq!(kept.get(&versions), None);
        }
        let kept = versions.begin(&[1]).loaded("value");
        versions.raise_all();
        assert_eq!(kept.get(&versions), None);
    }

    #[test]
    fn what_was_loaded_before_an_invalidation_is_never_read_whenever_it_is_kept() {
        let versions = CacheVersions::default();
        let load = versions.begin(&[7, 7]);
        versions.raise(7);
        assert!(!versions.is_current(&load));
        assert_eq!(load.loaded("old").get(&versions), None);
        assert_eq!(versions.begin(&[7, 7]).loaded("new").get(&versions), Some(&"new"));
    }
}
