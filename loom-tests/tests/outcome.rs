//! Models of the outcome cell: completion, cancel and timeout race for the end of an execution.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc as StdArc, OnceLock};

use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use updraft_kernel::shared::Hook;
use updraft_kernel::shared::outcome::{OutcomeCell, Settle};
use updraft_loom_tests::{Waiters, Wake, catches};

trait Outcome: Send + Sync + 'static {
    /// The value comes back where another was first.
    fn settle(&self, value: u64) -> Option<u64>;
    fn get(&self) -> Option<u64>;
}

impl Outcome for OutcomeCell<u64> {
    fn settle(&self, value: u64) -> Option<u64> {
        match self.settle(value) {
            Settle::Won => None,
            Settle::Lost(value) => Some(value),
        }
    }

    fn get(&self) -> Option<u64> {
        self.get().copied()
    }
}

/// Claim: one wins, each other gets its own value back and then reads the winner's.
/// Threads: completion, cancel, timeout.
/// Fails if settling checks first and writes then, or if a loser comes back before the outcome is readable.
fn one_end<O: Outcome>(open: impl Fn() -> O) {
    let cell = Arc::new(open());
    let racer = |me: u64| {
        let cell = Arc::clone(&cell);
        move || match cell.settle(me) {
            None => {
                assert_eq!(cell.get(), Some(me), "a winner reads another outcome");
                1
            }
            Some(back) => {
                assert_eq!(back, me);
                assert!(cell.get().is_some_and(|outcome| outcome != me), "a loser reads no outcome");
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
fn readers_see_the_whole<O: Outcome>(open: impl Fn() -> O) {
    let cell = Arc::new(open());
    let work = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let racers = [0, 1].map(|me| {
        let (cell, work) = (Arc::clone(&cell), Arc::clone(&work));
        thread::spawn(move || {
            work[me].store(7, Ordering::Relaxed);
            cell.settle(me as u64)
        })
    });
    if let Some(winner) = cell.get() {
        assert_eq!(work[winner as usize].load(Ordering::Relaxed), 7, "an outcome is read before its work");
    }
    let told: usize = racers.map(|racer| usize::from(racer.join().unwrap().is_none())).iter().sum();
    assert_eq!(told, 1);
}

/// Claim: who registers, looks, and only then waits, is woken and reads the outcome.
/// Threads: completion; a waiter.
/// Fails, by deadlock, if the hook runs before the outcome can be read.
fn a_waiter_is_woken<O: Outcome>(open: impl Fn(Hook) -> O) {
    let waiters = Arc::new(Waiters::new(Wake::All));
    let hook = Arc::clone(&waiters);
    let cell = Arc::new(open(StdArc::new(move || hook.wake())));
    let completion = thread::spawn({
        let cell = Arc::clone(&cell);
        move || cell.settle(1)
    });
    waiters.register(0);
    while cell.get().is_none() {
        waiters.wait(0);
        waiters.register(0);
    }
    assert_eq!(completion.join().unwrap(), None);
}

#[test]
fn an_execution_ends_once() {
    loom::model(|| one_end(OutcomeCell::new));
}

#[test]
fn who_reads_an_outcome_sees_the_whole_of_it() {
    loom::model(|| readers_see_the_whole(OutcomeCell::new));
}

#[test]
fn who_waits_for_an_outcome_is_woken() {
    loom::model(|| a_waiter_is_woken(OutcomeCell::with_settle_hook));
}

/// How a copy of the cell is broken.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Looks whether it is settled, and settles then.
    ChecksFirst,
    /// Losers do not wait for the winner's last store.
    LosesEarly,
    /// Publishes the flag without what came before it.
    Relaxed,
    /// Wakes the waiters before there is anything to read.
    WakesEarly,
}

struct Broken {
    fault: Fault,
    turn: Mutex<()>,
    settled: AtomicBool,
    value: Mutex<Option<u64>>,
    first: OnceLock<u64>,
    hook: Option<Hook>,
}

impl Broken {
    fn new(fault: Fault, hook: Option<Hook>) -> Self {
        let (turn, value) = (Mutex::new(()), Mutex::new(None));
        Self { fault, turn, settled: AtomicBool::new(false), value, first: OnceLock::new(), hook }
    }

    fn wake(&self) {
        if let Some(hook) = &self.hook {
            hook();
        }
    }
}

impl Outcome for Broken {
    fn settle(&self, value: u64) -> Option<u64> {
        if self.fault == Fault::ChecksFirst {
            if self.settled.load(Ordering::Acquire) {
                return Some(value);
            }
            *self.value.lock().unwrap() = Some(value);
            self.settled.store(true, Ordering::Release);
            return None;
        }
        let turn = (self.fault != Fault::LosesEarly).then(|| self.turn.lock().unwrap());
        if self.first.set(value).is_err() {
            return Some(value);
        }
        if self.fault == Fault::WakesEarly {
            self.wake();
        }
        let order = if self.fault == Fault::Relaxed { Ordering::Relaxed } else { Ordering::Release };
        self.settled.store(true, order);
        drop(turn);
        if self.fault != Fault::WakesEarly {
            self.wake();
        }
        None
    }

    fn get(&self) -> Option<u64> {
        if !self.settled.load(Ordering::Acquire) {
            return None;
        }
        if self.fault == Fault::ChecksFirst { *self.value.lock().unwrap() } else { self.first.get().copied() }
    }
}

#[test]
fn canary_an_end_that_checks_first() {
    catches("an execution ends once", || one_end(|| Broken::new(Fault::ChecksFirst, None)));
}

#[test]
fn canary_a_loser_that_comes_back_too_early() {
    catches("a loser reads no outcome", || one_end(|| Broken::new(Fault::LosesEarly, None)));
}

#[test]
fn canary_an_outcome_that_does_not_release() {
    let model = || readers_see_the_whole(|| Broken::new(Fault::Relaxed, None));
    catches("an outcome is read before its work", model);
}

#[test]
fn canary_an_outcome_whose_hook_runs_too_early() {
    catches("deadlock", || a_waiter_is_woken(|hook| Broken::new(Fault::WakesEarly, Some(hook))));
}
