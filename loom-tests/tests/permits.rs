//! Models of the permits: submissions race for the places of an engine, wait for one, and give up.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;

use loom::sync::Arc;
use loom::sync::atomic::Ordering;
use loom::thread;
use updraft_kernel::shared::Permits;
use updraft_kernel::shared::permits::{Permit, TenantCode};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Waiters, WakeReach, catches, catches_misuse};

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

fn assert_nothing_leaked(permits: &Permits) {
    assert!(permits.shares_add_up());
    assert_eq!((permits.in_use(), permits.tenants()), (0, 0), "a place leaked");
}

/// Claim: neither limit is ever passed, every release counts once, and no empty share is kept.
/// Threads: two of one tenant, one of another, each tenant with one place, the engine with `total`.
/// Fails if acquiring checks the limits in one step and counts in another.
fn no_limit_is_passed(total: usize) {
    let permits = Permits::new(total, 1);
    let holders: StdArc<[StdAtomicUsize; 2]> = StdArc::default();
    let holder = |share: usize, code: &str| {
        let (permits, holders, code) = (permits.clone(), StdArc::clone(&holders), tenant(code));
        move || {
            let Some(permit) = permits.try_acquire(&code).granted() else { return };
            let of_tenant = holders[share].fetch_add(1, Ordering::Relaxed) + 1;
            let of_all: usize = holders.iter().map(|share| share.load(Ordering::Relaxed)).sum();
            assert!(of_tenant <= 1, "a tenant has more than its share");
            assert!(of_all <= total, "the engine has more than it can hold");
            assert!(permits.shares_add_up(), "somebody has more than there is");
            assert!(permits.in_use() >= 1);
            holders[share].fetch_sub(1, Ordering::Relaxed);
            drop(permit);
        }
    };
    let others = [thread::spawn(holder(0, "a")), thread::spawn(holder(1, "b"))];
    holder(0, "a")();
    for other in others {
        other.join().unwrap();
    }
    assert_nothing_leaked(&permits);
}

/// The order in which a waiter does its part.
#[derive(Clone, Copy)]
enum Protocol {
    RegisterThenTry,
    TryThenRegister,
}

/// As the engine waits for a place of tenant `a`.
fn acquire_waiting(permits: &Permits, waiters: &Waiters, me: usize, protocol: Protocol) -> Permit {
    loop {
        if let Protocol::RegisterThenTry = protocol {
            waiters.register(me);
        }
        if let Some(permit) = permits.try_acquire(&tenant("a")).granted() {
            waiters.give_up(me);
            return permit;
        }
        if let Protocol::TryThenRegister = protocol {
            waiters.register(me);
        }
        waiters.wait(me);
    }
}

/// Places of which tenant `a` has its only one.
fn one_place(total: usize, wake: WakeReach) -> (Permits, Arc<Waiters>, Permit) {
    let waiters = Arc::new(Waiters::new(wake));
    let woken = Arc::clone(&waiters);
    let permits = Permits::with_release_hook(total, 1, StdArc::new(move |_: &TenantCode| woken.wake()));
    let held = permits.try_acquire(&tenant("a")).granted().unwrap();
    (permits, waiters, held)
}

/// Claim: who registers, tries, and only then waits, gets the place that is given back: the engine's last where it
/// has one, its tenant's share where it has more.
/// Threads: the holder; a waiter.
/// Fails, by deadlock, if the hook runs before the place is free or not at all, or if the waiter tries before it
/// registers.
fn a_waiter_gets_the_place(total: usize, protocol: Protocol) {
    let (permits, waiters, held) = one_place(total, WakeReach::All);
    let waiter = thread::spawn({
        let permits = permits.clone();
        move || drop(acquire_waiting(&permits, &waiters, 0, protocol))
    });
    drop(held);
    waiter.join().unwrap();
    assert_nothing_leaked(&permits);
}

/// Claim: a waiter that is cancelled, before or after it was woken or granted, takes neither a place nor the
/// wake-up of another with it.
/// Threads: the holder; a waiter that gives up after one try; a waiter that stays.
/// Fails, by deadlock, if the hook runs before the place is free, or if a release wakes one waiter only and that
/// one does not pass it on.
fn giving_up_costs_nothing(wake: WakeReach) {
    let (permits, waiters, held) = one_place(1, wake);
    let quitter = thread::spawn({
        let (permits, waiters) = (permits.clone(), Arc::clone(&waiters));
        move || {
            waiters.register(0);
            drop(permits.try_acquire(&tenant("a")));
            waiters.give_up(0);
        }
    });
    let stayer = thread::spawn({
        let permits = permits.clone();
        move || drop(acquire_waiting(&permits, &waiters, 1, Protocol::RegisterThenTry))
    });
    drop(held);
    quitter.join().unwrap();
    stayer.join().unwrap();
    assert_nothing_leaked(&permits);
}

#[test]
fn the_limit_of_a_tenant_is_never_passed() {
    loom::model(|| no_limit_is_passed(2));
}

#[test]
fn the_limit_of_the_engine_is_never_passed() {
    loom::model(|| no_limit_is_passed(1));
}

#[test]
fn who_gives_up_takes_nothing_along() {
    loom::model(|| giving_up_costs_nothing(WakeReach::All));
}

mod whole {
    use super::*;

    #[test]
    fn who_waits_for_a_place_gets_it() {
        loom::model(|| a_waiter_gets_the_place(1, Protocol::RegisterThenTry));
    }

    #[test]
    fn who_waits_for_its_share_gets_it_while_the_engine_has_room() {
        loom::model(|| a_waiter_gets_the_place(2, Protocol::RegisterThenTry));
    }
}

#[test]
fn canary_a_share_that_is_checked_first() {
    catches(Bug::PermitChecksFirst, "more than", || no_limit_is_passed(2));
}

#[test]
fn canary_a_total_that_is_checked_first() {
    catches(Bug::PermitChecksFirst, "more than", || no_limit_is_passed(1));
}

#[test]
fn canary_a_hook_that_runs_too_early() {
    let model = || a_waiter_gets_the_place(1, Protocol::RegisterThenTry);
    catches(Bug::PermitWakesEarly, "deadlock", model);
}

#[test]
fn canary_a_hook_that_knows_the_engine_only() {
    let model = || a_waiter_gets_the_place(2, Protocol::RegisterThenTry);
    catches(Bug::PermitWakesWhenFull, "deadlock", model);
}

#[test]
fn canary_a_hook_that_runs_too_early_for_who_stays() {
    catches(Bug::PermitWakesEarly, "deadlock", || giving_up_costs_nothing(WakeReach::All));
}

#[test]
fn canary_a_waiter_that_tries_before_it_registers() {
    catches_misuse("deadlock", || a_waiter_gets_the_place(1, Protocol::TryThenRegister));
}

#[test]
fn canary_a_wake_up_that_is_not_passed_on() {
    catches_misuse("deadlock", || giving_up_costs_nothing(WakeReach::First));
}
