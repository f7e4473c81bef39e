//! Models of the outcome cell: completion, cancel and timeout race for the end of an execution.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use updraft_kernel::shared::OutcomeCell;
use updraft_kernel::shared::outcome::Settle;
use updraft_loom_tests::catches;
use updraft_loom_tests::planted::Bug;

/// Claim: one wins, each other gets its own value back and then reads the winner's.
/// Threads: completion, cancel, timeout.
/// Fails if a loser comes back before the outcome is readable.
fn one_end() {
    let cell = Arc::new(OutcomeCell::new());
    let racer = |me: u64| {
        let cell = Arc::clone(&cell);
        move || match cell.settle(me) {
            Settle::Won => {
                assert_eq!(cell.get(), Some(&me), "a winner reads another outcome");
                1
            }
            Settle::Lost(back) => {
                assert_eq!(back, me);
                assert!(cell.get().is_some_and(|outcome| *outcome != me), "a loser reads no outcome");
                0
            }
        }
    };
    let (cancel, timeout) = (thread::spawn(racer(2)), thread::spawn(racer(3)));
    let wins = racer(1)() + cancel.join().unwrap() + timeout.join().unwrap();
    assert_eq!(wins, 1, "an execution ends once");
}

/// Claim: what the winner did before it settled is visible to who reads the outcome.
/// Threads: completion, cancel; a reader.
/// Fails if settling does not release or reading does not acquire.
fn readers_see_the_whole() {
    let cell = Arc::new(OutcomeCell::new());
    let work = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let racers = [0, 1].map(|me| {
        let (cell, work) = (Arc::clone(&cell), Arc::clone(&work));
        thread::spawn(move || {
            work[me].store(7, Ordering::Relaxed);
            cell.settle(me)
        })
    });
    if let Some(winner) = cell.get() {
        assert_eq!(work[*winner].load(Ordering::Relaxed), 7, "an outcome is read before its work");
    }
    let told = racers.map(|racer| usize::from(racer.join().unwrap() == Settle::Won));
    assert_eq!(told.iter().sum::<usize>(), 1);
}

mod whole {
    use super::*;

    #[test]
    fn an_execution_ends_once() {
        loom::model(one_end);
    }

    #[test]
    fn who_reads_an_outcome_sees_the_whole_of_it() {
        loom::model(readers_see_the_whole);
    }
}

#[test]
fn canary_a_loser_that_comes_back_too_early() {
    catches(Bug::OutcomeOutOfTurn, "a loser reads no outcome", one_end);
}

#[test]
fn canary_an_outcome_that_does_not_release() {
    catches(Bug::OutcomeNotReleased, "an outcome is read before its work", readers_see_the_whole);
}

#[test]
fn canary_a_reader_that_does_not_acquire() {
    catches(Bug::OutcomeNotAcquired, "an outcome is read before its work", readers_see_the_whole);
}
