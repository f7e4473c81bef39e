//! Models of the locks of targets: tasks of several threads stand in line for one target, get it, leave and let go.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;

use loom::sync::Arc;
use loom::sync::atomic::Ordering;
use loom::thread;
use updraft_kernel::shared::permits::TenantCode;
use updraft_kernel::shared::target_locks::{LockWait, LockedTarget, TargetLock, TargetLocks};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Waiters, WakeReach, catches};

fn enter(locks: &TargetLocks, waiters: &Arc<Waiters>) -> LockWait {
    let woken = Arc::clone(waiters);
    let of = LockedTarget { tenant: TenantCode::new("a").unwrap(), target: "h".into() };
    locks.enter(of, StdArc::new(move || woken.wake()))
}

/// Waits for the lock.
fn taken(mut wait: LockWait, waiters: &Waiters, me: usize) -> TargetLock {
    loop {
        waiters.register(me);
        match wait.take() {
            Ok(lock) => {
                waiters.give_up(me);
                return lock;
            }
            Err(still) => wait = still,
        }
        waiters.wait(me);
    }
}

/// Claim: one task at a time has the lock, and each that stands in line gets it.
/// Threads: two tasks.
/// Fails, by deadlock, if letting go wakes nobody; by a count if two have the lock.
fn each_has_it_alone() {
    let locks = TargetLocks::default();
    let inside = StdArc::new(StdAtomicUsize::new(0));
    let task = |me: usize| {
        let (locks, inside) = (locks.clone(), StdArc::clone(&inside));
        move || {
            let waiters = Arc::new(Waiters::new(WakeReach::All));
            let lock = taken(enter(&locks, &waiters), &waiters, me);
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two have one lock");
            inside.fetch_sub(1, Ordering::Relaxed);
            drop(lock);
        }
    };
    let other = thread::spawn(task(0));
    task(1)();
    other.join().unwrap();
    assert_eq!(locks.state(), (0, 0), "a lock leaked");
}

/// Claim: whoever leaves the line at the moment at which it is given the lock gives it on.
/// Threads: one task that has the lock and lets go, one that leaves, one that waits behind it.
/// Fails, by deadlock, if the lock stays with who has left.
fn who_leaves_gives_it_on() {
    let locks = TargetLocks::default();
    let waiters = Arc::new(Waiters::new(WakeReach::All));
    let first = enter(&locks, &waiters).take().ok().unwrap();
    let second = enter(&locks, &waiters);
    let third = enter(&locks, &waiters);
    let leaving = thread::spawn(move || drop(second));
    let letting_go = thread::spawn(move || drop(first));
    drop(taken(third, &waiters, 0));
    leaving.join().unwrap();
    letting_go.join().unwrap();
    assert_eq!(locks.state(), (0, 0), "a lock leaked");
}

#[test]
fn each_task_has_the_lock_alone() {
    loom::model(each_has_it_alone);
}

#[test]
fn a_lock_that_is_not_taken_is_given_on() {
    loom::model(who_leaves_gives_it_on);
}

#[test]
fn canary_a_lock_that_is_let_go_silently() {
    catches(Bug::LockLetsGoSilently, "deadlock", each_has_it_alone);
}

#[test]
fn canary_a_lock_that_is_lost_with_who_leaves() {
    catches(Bug::LockLosesUntaken, "deadlock", who_leaves_gives_it_on);
}
