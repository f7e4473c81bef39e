//! Models of the revocation of a queued append: the journal's thread comes to it while its owner runs out of time. `Revocable`
//! is the one that ships; the queue is one append, the answer a mailbox, as `storage/src/journal/thread.rs` and
//! `engine/src/submit.rs` have them.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use updraft_kernel::shared::revocable::{Revocable, Revoke};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Mailbox, catches, catches_misuse};

/// When the journal's thread writes.
#[derive(Clone, Copy)]
enum Order {
    TakeThenWrite,
    WriteThenTake,
}

/// Revocable: what was given up is never written, and what was taken is told, to its owner and to whoever else had a hold
/// on it; whoever asks again is told the same.
/// Threads: the journal; the owner, whose time is up; its future, which is dropped meanwhile.
/// Fails if who gives up only looks, if who comes second does not wait for the first one's word, or if the journal
/// writes before it takes.
fn given_up_is_never_written(order: Order) {
    let (revocable, told) = (Revocable::default(), Arc::new(Mailbox::new(1)));
    let disk = Arc::new(AtomicU64::new(0));
    let journal = thread::spawn({
        let (revocable, told, disk) = (revocable.clone(), Arc::clone(&told), Arc::clone(&disk));
        move || {
            if let Order::WriteThenTake = order {
                disk.store(7, Ordering::Relaxed);
            }
            let taken = revocable.take();
            if taken {
                disk.store(7, Ordering::Relaxed);
            }
            told.send(taken);
            taken
        }
    });
    let dropped = thread::spawn({
        let revocable = revocable.clone();
        move || revocable.revoke()
    });
    let verdict = revocable.revoke();
    if let Revoke::TooLate = verdict {
        assert_eq!(told.receive(), Some(true), "what was taken is told");
        assert_eq!(disk.load(Ordering::Relaxed), 7, "what is told is written");
    }
    assert_eq!(revocable.revoke(), verdict, "whoever asks again is told the same");
    assert_eq!(dropped.join().unwrap(), verdict, "two of them were told otherwise");
    let taken = journal.join().unwrap();
    let written = disk.load(Ordering::Relaxed) == 7;
    assert_eq!(written, verdict == Revoke::TooLate, "what was given up is written");
    assert_eq!(taken, written);
}

mod whole {
    use super::*;

    #[test]
    fn what_was_given_up_is_never_written() {
        loom::model(|| given_up_is_never_written(Order::TakeThenWrite));
    }
}

#[test]
fn canary_a_claim_that_is_only_looked_at() {
    catches(Bug::RevokeLooksOnly, "what was given up is written", || {
        given_up_is_never_written(Order::TakeThenWrite)
    });
}

#[test]
fn canary_a_claim_that_both_believe_to_have() {
    catches(Bug::OutcomeOutOfTurn, "what was given up is written", || {
        given_up_is_never_written(Order::TakeThenWrite)
    });
}

#[test]
fn canary_a_journal_that_writes_before_it_takes() {
    catches_misuse("what was given up is written", || given_up_is_never_written(Order::WriteThenTake));
}
