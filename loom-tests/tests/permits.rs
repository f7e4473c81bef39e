//! Models of the permits: submissions race for the places of an engine, wait for one, and give up.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;

use loom::sync::atomic::Ordering;
use loom::sync::{Arc, Mutex};
use loom::thread;
use updraft_kernel::shared::Hook;
use updraft_kernel::shared::permits::{Permit, Permits, TenantCode};
use updraft_loom_tests::{Waiters, Wake, catches};

trait Admission: Clone + Send + 'static {
    type Permit: Send + 'static;
    fn new(total: usize, per_tenant: usize, hook: Hook) -> Self;
    fn try_acquire(&self, tenant: &TenantCode) -> Option<Self::Permit>;
    /// Places taken, and tenants that hold any.
    fn counts(&self) -> (usize, usize);
}

impl Admission for Permits {
    type Permit = Permit;

    fn new(total: usize, per_tenant: usize, hook: Hook) -> Self {
        Permits::with_release_hook(total, per_tenant, hook)
    }

    fn try_acquire(&self, tenant: &TenantCode) -> Option<Permit> {
        self.try_acquire(tenant).granted()
    }

    fn counts(&self) -> (usize, usize) {
        assert!(self.shares_add_up());
        (self.in_use(), self.tenants())
    }
}

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

/// Claim: neither limit is ever passed, every release counts once, and no empty share is kept.
/// Threads: two of one tenant, one of another, for two places of which each tenant has one.
/// Fails if acquiring checks the limits in one step and counts in another.
fn no_limit_is_passed<A: Admission>(total: usize) {
    let permits = A::new(total, 1, StdArc::new(|| ()));
    let holders: StdArc<[StdAtomicUsize; 2]> = StdArc::default();
    let holder = |share: usize, code: &str| {
        let (permits, holders, code) = (permits.clone(), StdArc::clone(&holders), tenant(code));
        move || {
            let Some(permit) = permits.try_acquire(&code) else { return };
            let of_tenant = holders[share].fetch_add(1, Ordering::Relaxed) + 1;
            let of_all: usize = holders.iter().map(|share| share.load(Ordering::Relaxed)).sum();
            assert!(of_tenant <= 1, "a tenant has more than its share");
            assert!(of_all <= total, "the engine has more than it can hold");
            assert!(permits.counts().0 >= of_all.min(1));
            holders[share].fetch_sub(1, Ordering::Relaxed);
            drop(permit);
        }
    };
    let others = [thread::spawn(holder(0, "a")), thread::spawn(holder(1, "b"))];
    holder(0, "a")();
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(permits.counts(), (0, 0), "a place leaked");
}

/// The order in which a waiter does its part.
#[derive(Clone, Copy)]
enum Protocol {
    RegisterThenTry,
    TryThenRegister,
}

fn acquire_waiting<A: Admission>(permits: &A, waiters: &Waiters, me: usize, protocol: Protocol) -> A::Permit {
    loop {
        if let Protocol::RegisterThenTry = protocol {
            waiters.register(me);
        }
        if let Some(permit) = permits.try_acquire(&tenant("a")) {
            waiters.give_up(me);
            return permit;
        }
        if let Protocol::TryThenRegister = protocol {
            waiters.register(me);
        }
        waiters.wait(me);
    }
}

fn one_place<A: Admission>(wake: Wake) -> (A, Arc<Waiters>, A::Permit) {
    let waiters = Arc::new(Waiters::new(wake));
    let woken = Arc::clone(&waiters);
    let permits = A::new(1, 1, StdArc::new(move || woken.wake()));
    let held = permits.try_acquire(&tenant("a")).unwrap();
    (permits, waiters, held)
}

/// Claim: who registers, tries, and only then waits, gets the place that is given back.
/// Threads: the holder; a waiter.
/// Fails, by deadlock, if the hook runs before the place is free, or if the waiter tries before it registers.
fn a_waiter_gets_the_place<A: Admission>(protocol: Protocol) {
    let (permits, waiters, held) = one_place::<A>(Wake::All);
    let waiter = thread::spawn({
        let permits = permits.clone();
        move || drop(acquire_waiting(&permits, &waiters, 0, protocol))
    });
    drop(held);
    waiter.join().unwrap();
    assert_eq!(permits.counts(), (0, 0), "a place leaked");
}

/// Claim: a waiter that gives up, before or after it was woken or granted, takes neither a place nor the
/// wake-up of another with it.
/// Threads: the holder; a waiter that gives up after one try; a waiter that stays.
/// Fails, by deadlock, if a release wakes one waiter only and that one does not pass it on.
fn giving_up_costs_nothing<A: Admission>(wake: Wake) {
    let (permits, waiters, held) = one_place::<A>(wake);
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
    assert_eq!(permits.counts(), (0, 0), "a place leaked");
}

#[test]
fn the_limit_of_a_tenant_is_never_passed() {
    loom::model(|| no_limit_is_passed::<Permits>(2));
}

#[test]
fn the_limit_of_the_engine_is_never_passed() {
    loom::model(|| no_limit_is_passed::<Permits>(1));
}

#[test]
fn who_waits_for_a_place_gets_it() {
    loom::model(|| a_waiter_gets_the_place::<Permits>(Protocol::RegisterThenTry));
}

#[test]
fn who_gives_up_takes_nothing_along() {
    loom::model(|| giving_up_costs_nothing::<Permits>(Wake::All));
}

struct Counts {
    total: usize,
    per_tenant: usize,
    by_tenant: Mutex<BTreeMap<TenantCode, usize>>,
    hook: Hook,
}

/// A copy of the permits; `CHECKS_FIRST` looks in one step and counts in the next, `WAKES_EARLY` runs the hook
/// before the place is free.
#[derive(Clone)]
struct Broken<const CHECKS_FIRST: bool, const WAKES_EARLY: bool>(Arc<Counts>);

struct BrokenPermit<const WAKES_EARLY: bool>(Arc<Counts>, TenantCode);

impl<const CHECKS_FIRST: bool, const WAKES_EARLY: bool> Admission for Broken<CHECKS_FIRST, WAKES_EARLY> {
    type Permit = BrokenPermit<WAKES_EARLY>;

    fn new(total: usize, per_tenant: usize, hook: Hook) -> Self {
        Self(Arc::new(Counts { total, per_tenant, by_tenant: Mutex::default(), hook }))
    }

    fn try_acquire(&self, tenant: &TenantCode) -> Option<Self::Permit> {
        let mut counts = self.0.by_tenant.lock().unwrap();
        let share = counts.get(tenant).copied().unwrap_or(0);
        if share >= self.0.per_tenant || counts.values().sum::<usize>() >= self.0.total {
            return None;
        }
        if CHECKS_FIRST {
            drop(counts);
            counts = self.0.by_tenant.lock().unwrap();
        }
        *counts.entry(tenant.clone()).or_default() += 1;
        drop(counts);
        Some(BrokenPermit(Arc::clone(&self.0), tenant.clone()))
    }

    fn counts(&self) -> (usize, usize) {
        let counts = self.0.by_tenant.lock().unwrap();
        (counts.values().sum(), counts.len())
    }
}

impl<const WAKES_EARLY: bool> Drop for BrokenPermit<WAKES_EARLY> {
    fn drop(&mut self) {
        if WAKES_EARLY {
            (self.0.hook)();
        }
        let mut counts = self.0.by_tenant.lock().unwrap();
        if let Some(share) = counts.get_mut(&self.1) {
            *share -= 1;
        }
        counts.retain(|_, share| *share > 0);
        drop(counts);
        if !WAKES_EARLY {
            (self.0.hook)();
        }
    }
}

#[test]
fn canary_a_share_that_is_checked_first() {
    catches("a tenant has more than its share", || no_limit_is_passed::<Broken<true, false>>(2));
}

#[test]
fn canary_a_total_that_is_checked_first() {
    // The share is checked first as well, so either may be the first that loom finds.
    catches("more than it", || no_limit_is_passed::<Broken<true, false>>(1));
}

#[test]
fn canary_a_hook_that_runs_too_early() {
    catches("deadlock", || a_waiter_gets_the_place::<Broken<false, true>>(Protocol::RegisterThenTry));
}

#[test]
fn canary_a_waiter_that_tries_before_it_registers() {
    catches("deadlock", || a_waiter_gets_the_place::<Permits>(Protocol::TryThenRegister));
}

#[test]
fn canary_a_wake_up_that_is_not_passed_on() {
    catches("deadlock", || giving_up_costs_nothing::<Permits>(Wake::First));
}
