//! Models of the drain gate: submissions race with the shutdown.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;
use updraft_kernel::shared::drain::{Close, DrainGate, Enter};
use updraft_kernel::shared::permits::TenantCode;
use updraft_kernel::shared::{OutcomeCell, Permits};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Waiters, WakeReach, catches, catches_misuse};

/// Claim: drained means that nobody is inside, that their work is visible, and that nobody enters again.
/// Threads: two submissions; the shutdown.
/// Fails if entering checks first and counts then, or if leaving does not release.
fn drained_is_the_end() {
    let gate = DrainGate::new();
    let inside = StdArc::new(StdAtomicUsize::new(0));
    let entered = StdArc::new(StdAtomicUsize::new(0));
    let accepted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let submissions = [0, 1].map(|me| {
        let (gate, accepted) = (gate.clone(), Arc::clone(&accepted));
        let (inside, entered) = (StdArc::clone(&inside), StdArc::clone(&entered));
        thread::spawn(move || {
            let Enter::Entered(pass) = gate.enter() else { return };
            inside.fetch_add(1, Ordering::Relaxed);
            accepted[me].store(1, Ordering::Relaxed);
            entered.fetch_add(1, Ordering::Relaxed);
            inside.fetch_sub(1, Ordering::Relaxed);
            drop(pass);
        })
    });
    if gate.close() == Close::Drained || gate.is_drained() {
        assert_eq!(inside.load(Ordering::Relaxed), 0, "a drained gate: somebody is inside");
        let seen: usize = accepted.iter().map(|one| one.load(Ordering::Relaxed)).sum();
        assert_eq!(seen, entered.load(Ordering::Relaxed), "a drained gate: the work is not visible");
    }
    assert!(matches!(gate.enter(), Enter::Closed), "a closed gate lets work in");
    for submission in submissions {
        submission.join().unwrap();
    }
    assert!(gate.is_drained(), "a gate that all have left is not drained");
}

/// Claim: whoever leaves last, the hook runs once and sees what was done inside, and who waits is woken.
/// Threads: two passes that leave; the shutdown, which waits.
/// Fails if leaving counts and looks in two steps (the hook runs twice), or if the last does not acquire.
fn the_end_is_told_once() {
    let runs = StdArc::new(StdAtomicUsize::new(0));
    let waiters = Arc::new(Waiters::new(WakeReach::All));
    let accepted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let gate = DrainGate::with_drained_hook(StdArc::new({
        let (runs, waiters, accepted) = (StdArc::clone(&runs), Arc::clone(&waiters), Arc::clone(&accepted));
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
            let seen = accepted.iter().all(|one| one.load(Ordering::Relaxed) == 1);
            assert!(seen, "the hook: the work is not visible");
            waiters.wake();
        }
    }));
    let leavers = [0, 1].map(|me| {
        let (pass, accepted) = (gate.enter().entered(), Arc::clone(&accepted));
        thread::spawn(move || {
            accepted[me].store(1, Ordering::Relaxed);
            drop(pass);
        })
    });
    let _ = gate.close();
    waiters.register(0);
    while !gate.is_drained() {
        waiters.wait(0);
        waiters.register(0);
    }
    for leaver in leavers {
        leaver.join().unwrap();
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1, "the hook runs once");
}

/// The order in which a submission that finds no place does its part.
#[derive(Clone, Copy)]
enum Protocol {
    RegisterThenLook,
    LookThenRegister,
}

const PLACED: usize = 0;
const WAITING: usize = 1;

/// Claim: a shutdown ends all submissions that wait for a place, and sees every one that was accepted
/// (`engine/src/submit.rs`, `engine/src/shutdown.rs`).
/// Threads: a submission that has a place and is accepted; one that waits, for a place that is never given back or
/// for the end; the shutdown, which closes the gate, wakes those who wait, and waits until the gate is empty.
/// Fails, by deadlock, if the waiting one looks at the gate before it registers, or if who leaves last tells nobody.
fn a_shutdown_ends_those_who_wait(protocol: Protocol) {
    let (permits, tenant) = (Permits::new(1, 1), TenantCode::new("a").unwrap());
    let _held_for_ever = permits.try_acquire(&tenant).granted().unwrap();
    let (emptied, closing) = (Arc::new(Notify::new()), Arc::new(Waiters::new(WakeReach::All)));
    let gate = DrainGate::with_drained_hook(StdArc::new({
        let emptied = Arc::clone(&emptied);
        move || emptied.notify()
    }));
    let entered = StdArc::new(StdAtomicUsize::new(0));
    let accepted = Arc::new(OutcomeCell::new());
    let placed = thread::spawn({
        let (gate, accepted, entered) = (gate.clone(), Arc::clone(&accepted), StdArc::clone(&entered));
        move || {
            let Enter::Entered(_pass) = gate.enter() else { return };
            entered.fetch_add(1, Ordering::Relaxed);
            let _ = accepted.settle(PLACED);
        }
    });
    let waiting = thread::spawn({
        let (gate, closing, permits) = (gate.clone(), Arc::clone(&closing), permits.clone());
        move || {
            let Enter::Entered(_pass) = gate.enter() else { return };
            assert!(permits.try_acquire(&tenant).granted().is_none());
            if let Protocol::RegisterThenLook = protocol {
                closing.register(WAITING);
            }
            if matches!(gate.enter(), Enter::Closed) {
                return;
            }
            if let Protocol::LookThenRegister = protocol {
                closing.register(WAITING);
            }
            closing.wait(WAITING);
        }
    });
    let _ = gate.close();
    closing.wake();
    // Loom's may wake for nothing; the engine's waits once.
    while !gate.is_drained() {
        emptied.wait();
    }
    let seen = usize::from(accepted.get().is_some());
    assert_eq!(seen, entered.load(Ordering::Relaxed), "an accepted execution is not known at the end");
    placed.join().unwrap();
    waiting.join().unwrap();
}

#[test]
fn a_shutdown_leaves_nobody_waiting() {
    loom::model(|| a_shutdown_ends_those_who_wait(Protocol::RegisterThenLook));
}

#[test]
fn a_drained_gate_is_empty_for_ever() {
    loom::model(drained_is_the_end);
}

mod whole {
    use super::*;

    #[test]
    fn the_end_of_draining_is_told_once() {
        loom::model(the_end_is_told_once);
    }
}

#[test]
fn canary_a_gate_that_looks_first() {
    catches(Bug::GateLooksFirst, "gate", drained_is_the_end);
}

#[test]
fn canary_a_pass_that_does_not_release() {
    catches(Bug::PassNotReleased, "a drained gate: the work is not visible", drained_is_the_end);
}

#[test]
fn canary_a_last_pass_that_does_not_acquire() {
    catches(Bug::PassNotAcquired, "the hook: the work is not visible", the_end_is_told_once);
}

#[test]
fn canary_a_pass_that_looks_later() {
    catches(Bug::PassLooksLater, "the hook runs once", the_end_is_told_once);
}

#[test]
fn canary_a_pass_that_leaves_silently() {
    let model = || a_shutdown_ends_those_who_wait(Protocol::RegisterThenLook);
    catches(Bug::PassLeavesSilently, "deadlock", model);
}

#[test]
fn canary_a_submission_that_looks_before_it_registers() {
    catches_misuse("deadlock", || a_shutdown_ends_those_who_wait(Protocol::LookThenRegister));
}
