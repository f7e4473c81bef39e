//! Models of the durable watermark: group commit publishes, readers of the journal see what it wrote.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use updraft_kernel::shared::watermark::{Advance, DurableWatermark};
use updraft_loom_tests::catches;

trait Watermark: Clone + Send + 'static {
    fn new(at: u64) -> Self;
    fn moved(&self, to: u64) -> bool;
    fn get(&self) -> u64;
}

impl Watermark for DurableWatermark {
    fn new(at: u64) -> Self {
        DurableWatermark::new(at)
    }

    fn moved(&self, to: u64) -> bool {
        self.advance(to) == Advance::Moved
    }

    fn get(&self) -> u64 {
        self.get()
    }
}

/// Claim: what was written before `advance(n)` is visible to who sees `n` reached.
/// Threads: the journal, which commits two groups; a reader.
/// Fails if the advance does not release or the reader does not acquire.
fn durable_is_visible<W: Watermark>() {
    let mark = W::new(0);
    let frames = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let journal = thread::spawn({
        let (mark, frames) = (mark.clone(), Arc::clone(&frames));
        move || {
            for (frame, lsn) in frames.iter().zip(1..) {
                frame.store(lsn, Ordering::Relaxed);
                assert!(mark.moved(lsn));
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
fn it_never_goes_back<W: Watermark>() {
    let mark = W::new(0);
    let advancers = [1, 2].map(|to| {
        let mark = mark.clone();
        thread::spawn(move || mark.moved(to))
    });
    let first = mark.get();
    assert!(first <= mark.get(), "the watermark went back");
    let [_, far] = advancers.map(|advancer| advancer.join().unwrap());
    assert!(far, "the further advance was told that it is behind");
    assert_eq!(mark.get(), 2, "the watermark went back");
}

#[test]
fn what_is_durable_is_visible() {
    loom::model(durable_is_visible::<DurableWatermark>);
}

#[test]
fn the_watermark_never_goes_back() {
    loom::model(it_never_goes_back::<DurableWatermark>);
}

/// A copy that publishes nothing.
#[derive(Clone)]
struct Relaxed(Arc<AtomicU64>);

impl Watermark for Relaxed {
    fn new(at: u64) -> Self {
        Self(Arc::new(AtomicU64::new(at)))
    }

    fn moved(&self, to: u64) -> bool {
        self.0.fetch_max(to, Ordering::Relaxed) < to
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A copy that checks first and writes then.
#[derive(Clone)]
struct CheckThenAct(Arc<AtomicU64>);

impl Watermark for CheckThenAct {
    fn new(at: u64) -> Self {
        Self(Arc::new(AtomicU64::new(at)))
    }

    fn moved(&self, to: u64) -> bool {
        let behind = self.0.load(Ordering::Acquire) < to;
        if behind {
            self.0.store(to, Ordering::Release);
        }
        behind
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

#[test]
fn canary_an_advance_that_does_not_release() {
    catches("a durable frame is not visible", durable_is_visible::<Relaxed>);
}

#[test]
fn canary_an_advance_that_checks_first() {
    catches("the watermark went back", it_never_goes_back::<CheckThenAct>);
}
