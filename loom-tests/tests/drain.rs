//! Models of the drain gate: submissions race with the shutdown.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use updraft_kernel::shared::Hook;
use updraft_kernel::shared::drain::{Close, DrainGate, Pass};
use updraft_loom_tests::{Waiters, Wake, catches};

trait Gate: Clone + Send + 'static {
    type Pass: Send + 'static;
    fn enter(&self) -> Option<Self::Pass>;
    /// Whether it is drained by that.
    fn close(&self) -> bool;
    fn is_drained(&self) -> bool;
}

impl Gate for DrainGate {
    type Pass = Pass;

    fn enter(&self) -> Option<Pass> {
        self.enter().entered()
    }

    fn close(&self) -> bool {
        self.close() == Close::Drained
    }

    fn is_drained(&self) -> bool {
        self.is_drained()
    }
}

/// Claim: drained means that nobody is inside, that their work is visible, and that nobody enters again.
/// Threads: two submissions; the shutdown.
/// Fails if entering checks first and counts then, or if leaving does not release.
fn drained_is_the_end<G: Gate>(open: impl Fn(Hook) -> G) {
    let gate = open(StdArc::new(|| ()));
    let inside = StdArc::new(StdAtomicUsize::new(0));
    let entered = StdArc::new(StdAtomicUsize::new(0));
    let accepted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let submissions = [0, 1].map(|me| {
        let (gate, accepted) = (gate.clone(), Arc::clone(&accepted));
        let (inside, entered) = (StdArc::clone(&inside), StdArc::clone(&entered));
        thread::spawn(move || {
            let Some(pass) = gate.enter() else { return };
            inside.fetch_add(1, Ordering::Relaxed);
            accepted[me].store(1, Ordering::Relaxed);
            entered.fetch_add(1, Ordering::Relaxed);
            inside.fetch_sub(1, Ordering::Relaxed);
            drop(pass);
        })
    });
    let drained = gate.close();
    if drained || gate.is_drained() {
        assert_eq!(inside.load(Ordering::Relaxed), 0, "a drained gate: somebody is inside");
        let seen: usize = accepted.iter().map(|one| one.load(Ordering::Relaxed)).sum();
        assert_eq!(seen, entered.load(Ordering::Relaxed), "a drained gate: the work is not visible");
    }
    assert!(gate.enter().is_none(), "a closed gate lets work in");
    for submission in submissions {
        submission.join().unwrap();
    }
    assert!(gate.is_drained(), "a gate that all have left is not drained");
}

/// Claim: whoever leaves last, the hook runs once and sees what was done inside, and who waits is woken.
/// Threads: two passes that leave; the shutdown, which waits.
/// Fails if leaving counts and looks in two steps (the hook runs twice), or if the last does not acquire.
fn the_end_is_told_once<G: Gate>(open: impl Fn(Hook) -> G) {
    let runs = StdArc::new(StdAtomicUsize::new(0));
    let waiters = Arc::new(Waiters::new(Wake::All));
    let accepted = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let gate = open(StdArc::new({
        let (runs, waiters, accepted) = (StdArc::clone(&runs), Arc::clone(&waiters), Arc::clone(&accepted));
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
            let seen = accepted.iter().all(|one| one.load(Ordering::Relaxed) == 1);
            assert!(seen, "the hook: the work is not visible");
            waiters.wake();
        }
    }));
    let leavers = [0, 1].map(|me| {
        let (pass, accepted) = (gate.enter(), Arc::clone(&accepted));
        thread::spawn(move || {
            accepted[me].store(1, Ordering::Relaxed);
            drop(pass);
        })
    });
    gate.close();
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

#[test]
fn a_drained_gate_is_empty_for_ever() {
    loom::model(|| drained_is_the_end(DrainGate::with_drained_hook));
}

#[test]
fn the_end_of_draining_is_told_once() {
    loom::model(|| the_end_is_told_once(DrainGate::with_drained_hook));
}

/// How a copy of the gate is broken.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Looks whether the gate is open, and counts then.
    EntersInTwoSteps,
    /// Leaves without publishing what was done inside.
    LeavesRelaxed,
    /// The last to leave does not acquire what the others did.
    LeavesWithoutAcquire,
    /// Leaves, and looks then whether it was the last.
    LeavesInTwoSteps,
}

const CLOSED: usize = 1 << 16;

#[derive(Clone)]
struct Broken {
    fault: Fault,
    state: Arc<AtomicUsize>,
    hook: Hook,
}

impl Broken {
    fn new(fault: Fault, hook: Hook) -> Self {
        Self { fault, state: Arc::new(AtomicUsize::new(0)), hook }
    }
}

struct BrokenPass(Broken);

impl Gate for Broken {
    type Pass = BrokenPass;

    fn enter(&self) -> Option<BrokenPass> {
        if self.fault == Fault::EntersInTwoSteps {
            if self.state.load(Ordering::Acquire) & CLOSED != 0 {
                return None;
            }
            self.state.fetch_add(1, Ordering::AcqRel);
        } else {
            let open = |state: usize| (state & CLOSED == 0).then(|| state + 1);
            // Acquire alone, or the entry of one pass would publish what another did.
            self.state.fetch_update(Ordering::Acquire, Ordering::Acquire, open).ok()?;
        }
        Some(BrokenPass(self.clone()))
    }

    fn close(&self) -> bool {
        let drained = self.state.fetch_or(CLOSED, Ordering::AcqRel) == 0;
        if drained {
            (self.hook)();
        }
        drained
    }

    fn is_drained(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }
}

impl Drop for BrokenPass {
    fn drop(&mut self) {
        let Broken { fault, state, hook } = &self.0;
        let last = match fault {
            Fault::EntersInTwoSteps => state.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1,
            Fault::LeavesRelaxed => state.fetch_sub(1, Ordering::Relaxed) == CLOSED | 1,
            Fault::LeavesWithoutAcquire => state.fetch_sub(1, Ordering::Release) == CLOSED | 1,
            Fault::LeavesInTwoSteps => {
                state.fetch_sub(1, Ordering::AcqRel);
                state.load(Ordering::Acquire) == CLOSED
            }
        };
        if last {
            hook();
        }
    }
}

#[test]
fn canary_a_gate_that_checks_first() {
    let model = || drained_is_the_end(|hook| Broken::new(Fault::EntersInTwoSteps, hook));
    catches("a drained gate: ", model);
}

#[test]
fn canary_a_pass_that_does_not_release() {
    let model = || drained_is_the_end(|hook| Broken::new(Fault::LeavesRelaxed, hook));
    catches("a drained gate: the work is not visible", model);
}

#[test]
fn canary_a_last_pass_that_does_not_acquire() {
    let model = || the_end_is_told_once(|hook| Broken::new(Fault::LeavesWithoutAcquire, hook));
    catches("the hook: the work is not visible", model);
}

#[test]
fn canary_a_pass_that_leaves_in_two_steps() {
    let model = || the_end_is_told_once(|hook| Broken::new(Fault::LeavesInTwoSteps, hook));
    catches("the hook runs once", model);
}
