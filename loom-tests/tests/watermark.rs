//! Models of the durable watermark: who publishes, and readers who act on what they see of it.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use updraft_kernel::shared::watermark::Advance;
use updraft_kernel::shared::{DurableWatermark, OutcomeCell};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{catches, catches_misuse};

/// Claim: what was written before `advance(n)` is visible to who sees `n` reached.
/// Threads: the journal, which commits two groups; a reader.
/// Fails if the advance does not release or the reader does not acquire.
fn durable_is_visible() {
    let mark = DurableWatermark::new(0);
    let frames = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let journal = thread::spawn({
        let (mark, frames) = (mark.clone(), Arc::clone(&frames));
        move || {
            for (frame, lsn) in frames.iter().zip(1..) {
                frame.store(lsn, Ordering::Relaxed);
                assert_eq!(mark.advance(lsn), Advance::Moved);
            }
        }
    });
    let reached = mark.get();
    for (frame, lsn) in frames.iter().zip(1..=reached) {
        assert_eq!(frame.load(Ordering::Relaxed), lsn, "a durable frame is not visible");
    }
    journal.join().unwrap();
    assert_eq!(mark.get(), 2);
}

/// Claim: the watermark never goes back, and one advance moves it to each height.
/// Threads: two that advance, one further than the other; a reader that looks twice.
/// Fails if an advance checks first and writes then.
fn it_never_goes_back() {
    let mark = DurableWatermark::new(0);
    let advancers = [1, 2].map(|to| {
        let mark = mark.clone();
        thread::spawn(move || mark.advance(to))
    });
    let first = mark.get();
    assert!(first <= mark.get(), "the watermark went back");
    let [_, far] = advancers.map(|advancer| advancer.join().unwrap());
    assert_eq!(far, Advance::Moved, "the further advance was told that it is behind");
    assert_eq!(mark.get(), 2, "the watermark went back");
}

/// When the writer says that the store will never take an update.
#[derive(Clone, Copy)]
enum Doom {
    BeforeTheRest,
    AfterTheRest,
}

/// Claim: who reads an execution back, because the watermark says that the store has all of it, knows of the update
/// that the store will never have (`RegistryEntry::poison` in `actors/src/entry.rs`).
/// Threads: the writer; the shard.
/// Fails if the watermark does not publish, or moves first: the execution would go on as if nothing were missing.
fn doom_is_known_first(doom: Doom) {
    let (mark, poisoned) = (DurableWatermark::new(0), Arc::new(OutcomeCell::new()));
    let writer = thread::spawn({
        let (mark, poisoned) = (mark.clone(), Arc::clone(&poisoned));
        move || {
            if let Doom::BeforeTheRest = doom {
                let _ = poisoned.settle("poison");
            }
            let _ = mark.advance(1);
            let _ = poisoned.settle("poison");
        }
    });
    if mark.reached(1) {
        assert!(poisoned.get().is_some(), "an execution is read back as if nothing were missing");
    }
    writer.join().unwrap();
}

mod whole {
    use super::*;

    #[test]
    fn what_is_durable_is_visible() {
        loom::model(durable_is_visible);
    }

    #[test]
    fn the_watermark_never_goes_back() {
        loom::model(it_never_goes_back);
    }

    #[test]
    fn what_is_poisoned_is_known_before_the_rest_is_stored() {
        loom::model(|| doom_is_known_first(Doom::BeforeTheRest));
    }
}

#[test]
fn canary_an_advance_that_does_not_release() {
    catches(Bug::MarkNotReleased, "a durable frame is not visible", durable_is_visible);
}

#[test]
fn canary_an_advance_that_looks_first() {
    catches(Bug::MarkLooksFirst, "the watermark went back", it_never_goes_back);
}

#[test]
fn canary_a_doom_that_is_not_published() {
    let model = || doom_is_known_first(Doom::BeforeTheRest);
    catches(Bug::MarkNotReleased, "as if nothing were missing", model);
}

#[test]
fn canary_a_doom_that_comes_late() {
    catches_misuse("as if nothing were missing", || doom_is_known_first(Doom::AfterTheRest));
}
