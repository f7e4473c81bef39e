//! Models of the versions of a cache: a value is loaded and kept while its writers invalidate it. `CacheVersions` is the one
//! that ships; the store is one number, the cache one place under a mutex, as the caches of `cache/src` have them.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use updraft_kernel::shared::CacheVersions;
use updraft_kernel::shared::cache_versions::Versioned;
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{catches, catches_misuse};

/// The scopes of the value: its kind, and its key.
const SCOPES: [u64; 2] = [0, 1];

/// The order in which a loader and a writer do what they do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AsTheyShould,
    /// The loader reads the store before it begins its load.
    LoadsThenBegins,
    /// The writer invalidates before the store has what it writes.
    RaisesThenStores,
}

/// The store, a number for each writer, and the cache.
struct Room {
    versions: CacheVersions,
    store: [AtomicU64; 2],
    kept: Mutex<Option<Versioned<[u64; 2]>>>,
}

impl Room {
    fn new() -> Arc<Self> {
        let store = [AtomicU64::new(0), AtomicU64::new(0)];
        Arc::new(Self { versions: CacheVersions::default(), store, kept: Mutex::new(None) })
    }

    fn load(&self) -> [u64; 2] {
        [self.store[0].load(Ordering::Relaxed), self.store[1].load(Ordering::Relaxed)]
    }

    fn load_and_keep(&self, order: Order) {
        let early = (order == Order::LoadsThenBegins).then(|| self.load());
        let load = self.versions.begin(&SCOPES);
        let value = early.unwrap_or_else(|| self.load());
        *self.kept.lock().unwrap() = Some(load.loaded(value));
    }

    /// Writes the number of this writer, and invalidates by this scope.
    fn write(&self, writer: usize, scope: u64, order: Order) {
        if order == Order::RaisesThenStores {
            self.versions.raise(scope);
        }
        self.store[writer].store(1, Ordering::Relaxed);
        if order != Order::RaisesThenStores {
            self.versions.raise(scope);
        }
        self.read_by(writer);
    }

    /// What this writer reads is what it wrote.
    fn read_by(&self, writer: usize) {
        let kept = self.kept.lock().unwrap();
        let read = kept.as_ref().and_then(|kept| kept.get(&self.versions)).map(|value| value[writer]);
        assert_ne!(read, Some(0), "the old value is read after its invalidation");
    }
}

/// Claim: who has invalidated a value never reads the one before, whenever that was loaded and kept.
/// Threads: a loader; a writer, which reads at once and when the loader is done.
/// Fails if the loader begins late, the writer invalidates early, or counters do not publish what was written before.
fn who_has_invalidated_reads_the_new(order: Order) {
    let room = Room::new();
    let loader = thread::spawn({
        let room = Arc::clone(&room);
        move || room.load_and_keep(order)
    });
    room.write(0, SCOPES[1], order);
    loader.join().unwrap();
    room.read_by(0);
}

/// Claim: the same where two invalidate at once, by one scope.
/// Threads: a loader; two writers.
/// Fails if one invalidation is lost under the other.
fn each_of_two_invalidations_counts() {
    let room = Room::new();
    let loader = thread::spawn({
        let room = Arc::clone(&room);
        move || room.load_and_keep(Order::AsTheyShould)
    });
    let writer = thread::spawn({
        let room = Arc::clone(&room);
        move || room.write(1, SCOPES[0], Order::AsTheyShould)
    });
    room.write(0, SCOPES[0], Order::AsTheyShould);
    loader.join().unwrap();
    writer.join().unwrap();
    room.read_by(0);
    room.read_by(1);
}

mod whole {
    use super::*;

    #[test]
    fn the_old_value_is_not_read_after_its_invalidation() {
        loom::model(|| who_has_invalidated_reads_the_new(Order::AsTheyShould));
    }
}

#[test]
fn the_old_value_is_not_read_after_two_invalidations() {
    loom::model(each_of_two_invalidations_counts);
}

#[test]
fn canary_a_load_that_begins_after_it_has_read() {
    catches_misuse("the old value is read", || who_has_invalidated_reads_the_new(Order::LoadsThenBegins));
}

#[test]
fn canary_an_invalidation_before_the_store_has_the_new_value() {
    catches_misuse("the old value is read", || who_has_invalidated_reads_the_new(Order::RaisesThenStores));
}

#[test]
fn canary_an_invalidation_that_does_not_release() {
    catches(Bug::CacheRaiseNotReleased, "the old value is read", || {
        who_has_invalidated_reads_the_new(Order::AsTheyShould);
    });
}

#[test]
fn canary_a_load_that_does_not_acquire() {
    catches(Bug::CacheBeginNotAcquired, "the old value is read", || {
        who_has_invalidated_reads_the_new(Order::AsTheyShould);
    });
}

#[test]
fn canary_an_invalidation_that_looks_first() {
    catches(Bug::CacheRaiseLooksFirst, "the old value is read", each_of_two_invalidations_counts);
}
