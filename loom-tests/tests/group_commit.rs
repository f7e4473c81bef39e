//! Models of the group commit: callers queue appends, one thread writes what is queued with one sync and tells them.
//! The watermark is the one that ships (`storage/src/journal/shared.rs`); the queue, the disk and the answers are
//! written here as `storage/src/journal/thread.rs` uses them.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use updraft_kernel::shared::DurableWatermark;
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Mailbox, catches, catches_misuse};

/// What a caller is told: where its append stands, or that nobody knows.
type Told = Arc<Mailbox<Result<u64, ()>>>;

/// A queued append.
struct Append {
    frame: u64,
    told: Told,
}

const FRAMES: usize = 2;

/// Frames by their place, as they survive a power loss; 0 where there is none.
type Disk = Arc<[AtomicU64; FRAMES]>;

/// When the journal's thread tells of a window.
#[derive(Clone, Copy)]
enum Order {
    SyncThenTell,
    TellThenSync,
}

/// The journal's thread. The window with the number `fails` cannot be synced: from then on nothing is written.
fn journal(queue: &Mailbox<Append>, disk: &Disk, mark: &DurableWatermark, fails: u64, order: Order) {
    let (mut next, mut poisoned, mut windows) = (1, false, 0);
    while let Some(first) = queue.receive() {
        let window: Vec<Append> =
            std::iter::once(first).chain(std::iter::from_fn(|| queue.try_receive())).collect();
        windows += 1;
        poisoned |= windows == fails;
        if poisoned {
            window.into_iter().for_each(|append| append.told.send(Err(())));
            continue;
        }
        let frames: Vec<u64> = window.iter().map(|append| append.frame).collect();
        let sync = |first: u64| {
            for (at, frame) in (first as usize - 1..).zip(&frames) {
                disk[at].store(*frame, Ordering::Relaxed);
            }
        };
        let first = next;
        if let Order::SyncThenTell = order {
            sync(first);
        }
        for append in window {
            let _ = mark.advance(next);
            append.told.send(Ok(next));
            next += 1;
        }
        if let Order::TellThenSync = order {
            sync(first);
        }
    }
}

/// Claim: who is told has its frame on the disk, at the place that it is told; so has who sees the watermark there,
/// whoever it is; every caller is told once, each another place; after a failed sync nobody is told that it is durable.
/// Threads: the journal; two callers, one of which looks at the watermark as a bystander before it is told.
/// Fails if the watermark does not publish what was written, or if callers are told before the sync.
fn told_is_durable(fails: u64, order: Order) {
    let queue = Arc::new(Mailbox::new(FRAMES));
    let (disk, mark): (Disk, _) =
        (Arc::new([AtomicU64::new(0), AtomicU64::new(0)]), DurableWatermark::new(0));
    let thread = thread::spawn({
        let (queue, disk, mark) = (Arc::clone(&queue), Arc::clone(&disk), mark.clone());
        move || journal(&queue, &disk, &mark, fails, order)
    });
    let append = |frame: u64| {
        let told: Told = Arc::new(Mailbox::new(1));
        queue.send(Append { frame, told: Arc::clone(&told) });
        told
    };
    let told = append(7);
    let caller = thread::spawn({
        let (told, disk) = (told, Arc::clone(&disk));
        move || {
            let told = told.receive().unwrap();
            if let Ok(at) = told {
                let found = disk[at as usize - 1].load(Ordering::Relaxed);
                assert_eq!(found, 7, "a caller is told of a frame that is not on the disk");
            }
            told
        }
    });
    let told = append(8);
    queue.close();
    let reached = mark.get();
    for at in 0..reached as usize {
        assert_ne!(disk[at].load(Ordering::Relaxed), 0, "the watermark is ahead of the disk");
    }
    let second = told.receive().unwrap();
    if let Ok(at) = second {
        let found = disk[at as usize - 1].load(Ordering::Relaxed);
        assert_eq!(found, 8, "a caller is told of a frame that is not on the disk");
    }
    let first = caller.join().unwrap();
    thread.join().unwrap();
    assert!(fails > 0 || (first == Ok(1) && second == Ok(2)), "{first:?} {second:?}");
    assert!(first.is_ok() || second.is_err(), "after a failed sync a caller is told that it is durable");
    assert_eq!(mark.get(), u64::from(first.is_ok()) + u64::from(second.is_ok()));
}

#[test]
fn who_is_told_is_durable() {
    loom::model(|| told_is_durable(0, Order::SyncThenTell));
}

#[test]
fn after_a_failed_sync_nothing_is_durable() {
    loom::model(|| told_is_durable(2, Order::SyncThenTell));
}

#[test]
fn canary_a_watermark_that_does_not_publish_the_group() {
    let model = || told_is_durable(0, Order::SyncThenTell);
    catches(Bug::MarkNotReleased, "the watermark is ahead of the disk", model);
}

#[test]
fn canary_a_watermark_that_does_not_publish_before_a_failure() {
    let model = || told_is_durable(2, Order::SyncThenTell);
    catches(Bug::MarkNotReleased, "the watermark is ahead of the disk", model);
}

#[test]
fn canary_a_journal_that_tells_before_it_syncs() {
    catches_misuse("on the disk", || told_is_durable(0, Order::TellThenSync));
}
