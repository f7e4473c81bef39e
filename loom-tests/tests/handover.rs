//! Models of the handover of an execution, from the journal's thread to a shard that may just be dying, and from a
//! dead shard to its successor. `Lifecycle` and `Handover` are those that ship; the shards are a queue and a list of
//! slots, as in `actors/src/shard.rs`, and what dies with a shard is its queue. That the actors of a dead shard
//! are gone before its successor begins is not modelled: they are counted (`actors/src/shard/scope.rs`).
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::{Arc, Mutex};
use loom::thread;
use updraft_kernel::shared::outcome::Settle;
use updraft_kernel::shared::permits::{Permit, TenantCode};
use updraft_kernel::shared::{Handover, Lifecycle, Permits, lifecycle};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Waiters, WakeReach, catches};

struct Watchers(Waiters);

impl lifecycle::Wake for Watchers {
    fn wake(&self) {
        self.0.wake();
    }
}

type Execution = Lifecycle<bool, u64, (), Watchers>;

fn execution(place: Option<Permit>) -> Arc<Execution> {
    Arc::new(Lifecycle::new(place, Watchers(Waiters::new(WakeReach::All))))
}

/// The address of one shard actor: launches that it has not handled. None are taken when it is dead.
type Address = Arc<Mutex<Option<usize>>>;

fn alive() -> Address {
    Arc::new(Mutex::new(Some(0)))
}

fn place(permits: &Permits) -> Option<Permit> {
    permits.try_acquire(&TenantCode::new("a").unwrap()).granted()
}

/// The journal's thread: says that the execution is accepted and hands it to the shard.
fn launch(execution: &Execution, shard: &Handover<Address>) {
    let address = shard.announce(|| {
        let _ = execution.accept(true);
    });
    if let Some(address) = address
        && let Some(inbox) = &mut *address.lock().unwrap()
    {
        *inbox += 1;
    }
}

/// The node's thread: one shard dies with its inbox, and another takes over. Gives its address, and whether it has found
/// the execution among those that are left.
fn succeed(execution: &Execution, shard: &Handover<Address>, dead: &Address) -> (Address, bool) {
    *dead.lock().unwrap() = None;
    shard.clear();
    let address = alive();
    let found = shard.take_over(Arc::clone(&address), || execution.accepted() == Some(&true));
    (address, found)
}

/// Claim: an execution that is accepted while its shard dies is carried by the successor, and by one actor only,
/// however often it hears of it.
/// Threads: the journal, which launches it; the node, on which the shard is followed by another.
/// Fails if the journal looks up the address before the execution is known, or if the successor looks at what is left
/// before its address is known: nobody would carry it until the next start.
fn exactly_one_carries_it() {
    let (shard, dead, execution) = (Arc::new(Handover::new()), alive(), execution(None));
    shard.take_over(Arc::clone(&dead), || ());
    let journal = thread::spawn({
        let (shard, execution) = (Arc::clone(&shard), Arc::clone(&execution));
        move || launch(&execution, &shard)
    });
    let (address, found) = succeed(&execution, &shard, &dead);
    journal.join().unwrap();
    let launched = address.lock().unwrap().unwrap_or_default();
    let (mut slots, mut starts) = (0, 0);
    for _ in 0..usize::from(found) + launched {
        if slots == 0 {
            (slots, starts) = (1, starts + 1);
        }
    }
    assert_eq!(starts, 1, "an accepted execution is carried by nobody");
    assert!(launched <= 1);
}

fn wait_for<T: Copy>(execution: &Execution, seen: impl Fn() -> Option<T>) -> T {
    let waiters = &execution.changed().0;
    loop {
        waiters.register(0);
        if let Some(value) = seen() {
            waiters.give_up(0);
            return value;
        }
        waiters.wait(0);
    }
}

/// Claim: who waits for an execution, for its acceptance or its end, is served by the successor of whoever died, and
/// the place is free when all is over.
/// Threads: the journal, which launches it; a watcher; the node and the successor, which carries it to its end.
/// Fails, by deadlock, if those who wait are woken before there is anything to see.
fn watchers_are_served() {
    let permits = Permits::new(1, 1);
    let (shard, dead, execution) = (Arc::new(Handover::new()), alive(), execution(place(&permits)));
    shard.take_over(Arc::clone(&dead), || ());
    let watcher = thread::spawn({
        let execution = Arc::clone(&execution);
        move || {
            assert!(wait_for(&execution, || execution.accepted().copied()));
            wait_for(&execution, || execution.ended().copied())
        }
    });
    let journal = thread::spawn({
        let (shard, execution) = (Arc::clone(&shard), Arc::clone(&execution));
        move || launch(&execution, &shard)
    });
    let _ = succeed(&execution, &shard, &dead);
    // It was accepted before the successor can have it, from its inbox or from what is left.
    journal.join().unwrap();
    assert_eq!(execution.end(7), Settle::Won);
    assert_eq!(watcher.join().unwrap(), 7);
    assert_eq!(permits.in_use(), 0, "a place leaked");
}

/// Claim: whoever ends it, it ends once, and when it has ended its place is given back, once, also one that its shard
/// has just taken for it.
/// Threads: the shard, which parks it (another place instead of the one that it has) and ends it; the node, which gives
/// it up. A bystander's place stays.
/// Fails if a place is held without a look at whether it has ended meanwhile.
fn a_place_is_given_back_once() {
    let permits = Permits::new(3, 3);
    let _bystander = place(&permits);
    let execution = execution(place(&permits));
    let node = thread::spawn({
        let execution = Arc::clone(&execution);
        move || execution.end(1) == Settle::Won
    });
    execution.hold(place(&permits));
    let won = execution.end(2) == Settle::Won;
    let lost = !node.join().unwrap();
    assert_eq!(won, lost, "an execution ends once");
    assert_eq!(execution.ended(), Some(&if won { 2 } else { 1 }));
    assert_eq!(permits.in_use(), 1, "a place is held for an execution that has ended");
}

#[test]
fn who_waits_is_served_by_the_successor() {
    loom::model(watchers_are_served);
}

mod whole {
    use super::*;

    #[test]
    fn an_accepted_execution_has_exactly_one_successor() {
        loom::model(exactly_one_carries_it);
    }

    #[test]
    fn an_execution_that_has_ended_holds_no_place() {
        loom::model(a_place_is_given_back_once);
    }
}

#[test]
fn canary_a_launch_that_looks_for_the_shard_first() {
    catches(Bug::AnnounceLooksFirst, "carried by nobody", exactly_one_carries_it);
}

#[test]
fn canary_a_successor_that_looks_first_at_what_is_left() {
    catches(Bug::SuccessorLooksFirst, "carried by nobody", exactly_one_carries_it);
}

#[test]
fn canary_a_lifecycle_that_wakes_too_early() {
    catches(Bug::LifecycleWakesEarly, "deadlock", watchers_are_served);
}

#[test]
fn canary_a_place_that_is_held_after_the_end() {
    catches(Bug::LifecycleHoldsBlindly, "held for an execution that has ended", a_place_is_given_back_once);
}
