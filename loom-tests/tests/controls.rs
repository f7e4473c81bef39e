//! Models of what is asked of an execution while it ends, while its actor leaves, and while its shard dies. `Lifecycle`,
//! `ControlQueue` and `Handover` are those that ship, with room for one control; shards and actors are queues of what they are
//! told, as `actors/src/router.rs`, `actors/src/shard.rs`, `actors/src/shard/supervise.rs` and `actors/src/execution.rs`
//! have them.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::{Arc, Mutex};
use loom::thread;
use updraft_kernel::shared::controls::AskVerdict;
use updraft_kernel::shared::outcome::Settle;
use updraft_kernel::shared::{Handover, Lifecycle, lifecycle};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{Mailbox, Waiters, WakeReach, catches, catches_misuse};

struct Watchers(Waiters);

impl lifecycle::Wake for Watchers {
    fn wake(&self) {
        self.0.wake();
    }
}

/// What is asked of it is its asker's number.
type Execution = Lifecycle<bool, u64, u64, Watchers>;

fn execution() -> Arc<Execution> {
    let execution = Arc::new(Lifecycle::new(None, Watchers(Waiters::new(WakeReach::All))));
    assert_eq!(execution.accept(true), Settle::Won);
    execution
}

/// An actor sees what came after `seen`, and answers it. Gives how many it has answered.
fn look(execution: &Execution, seen: &mut u64) -> usize {
    let mut answered = 0;
    for number in execution.controls().after(*seen, |number, _| number) {
        *seen = number;
        answered += usize::from(execution.answer(number).is_some());
    }
    answered
}

/// Claim: what is asked of an execution that is just ending is dropped by the end, or handed back by then; none is held
/// after it, where nobody would answer.
/// Threads: two that ask; the node, which ends it.
/// Fails if an asker looks whether it has ended, and has its control held then.
fn none_is_held_after_the_end() {
    let execution = execution();
    let askers = [1, 2].map(|me| {
        let execution = Arc::clone(&execution);
        thread::spawn(move || {
            if let AskVerdict::Closed(back) = execution.ask(me) {
                assert_eq!(back, me);
                assert_eq!(execution.ended(), Some(&7), "who is handed it back sees the end");
            }
        })
    });
    assert_eq!(execution.end(7), Settle::Won);
    for asker in askers {
        asker.join().unwrap();
    }
    assert!(execution.controls().is_empty(), "a control is held after the end");
}

/// Claim: who finds no room is served when there is.
/// Threads: the actor, which answers one that was held before; one that asks meanwhile.
/// Fails, by deadlock, if an answer that makes room wakes nobody.
fn who_waits_for_room_is_served() {
    let (execution, told) = (execution(), Arc::new(Mailbox::new(4)));
    assert_eq!(execution.ask(1), AskVerdict::Held);
    let asker = thread::spawn({
        let (execution, told) = (Arc::clone(&execution), Arc::clone(&told));
        move || {
            let waiters = &execution.changed().0;
            loop {
                waiters.register(0);
                let verdict = execution.ask(2);
                told.send(());
                match verdict {
                    AskVerdict::Full(2) => waiters.wait(0),
                    verdict => return assert_eq!(verdict, AskVerdict::Held),
                }
            }
        }
    });
    let mut seen = 0;
    let mut answered = look(&execution, &mut seen);
    while answered < 2 {
        told.receive();
        answered += look(&execution, &mut seen);
    }
    asker.join().unwrap();
    assert_eq!(answered, 2, "a control is answered twice");
}

/// What a shard does when an execution's actor has left it parked.
#[derive(Clone, Copy)]
enum Park {
    ThenLook,
    Only,
}

/// Claim: what is asked while an execution's actor leaves is answered by that actor, or by the next.
/// Threads: one that asks, and tells the shard then; the shard, whose actor leaves.
/// Fails if the shard does not look once the execution is parked: what it was told before went to an actor that had left.
fn asked_while_it_leaves(park: Park) {
    let (execution, told) = (execution(), Arc::new(Mailbox::new(1)));
    let asker = thread::spawn({
        let (execution, told) = (Arc::clone(&execution), Arc::clone(&told));
        move || {
            assert_eq!(execution.ask(1), AskVerdict::Held);
            told.send(());
        }
    });
    let mut answered = look(&execution, &mut 0);
    // It has left; the shard does not know yet, and passes on what it is told.
    let heard = told.try_receive().is_some();
    if let Park::ThenLook = park
        && !execution.controls().is_empty()
    {
        answered += look(&execution, &mut 0);
    }
    if !heard {
        told.receive();
        answered += look(&execution, &mut 0);
    }
    asker.join().unwrap();
    assert_eq!(answered, 1, "a control is seen by nobody");
}

/// The address of one shard actor: what it was told and has not handled. It is told nothing when it is dead.
type Address = Arc<Mutex<Option<usize>>>;

fn alive() -> Address {
    Arc::new(Mutex::new(Some(0)))
}

/// Claim: what is asked while the shard dies is answered by its successor, once.
/// Threads: one that asks; the node, on which the shard is followed by another that starts the execution again.
/// Fails if the asker looks up the address before its control is held.
fn asked_while_the_shard_dies() {
    let (shard, dead, execution) = (Arc::new(Handover::new()), alive(), execution());
    shard.take_over(Arc::clone(&dead), || ());
    let asker = thread::spawn({
        let (shard, execution) = (Arc::clone(&shard), Arc::clone(&execution));
        move || {
            let address: Option<Address> = shard.announce(|| assert_eq!(execution.ask(1), AskVerdict::Held));
            if let Some(address) = address
                && let Some(told) = &mut *address.lock().unwrap()
            {
                *told += 1;
            }
        }
    });
    *dead.lock().unwrap() = None;
    shard.clear();
    let address = alive();
    let found = shard.take_over(Arc::clone(&address), || execution.accepted() == Some(&true));
    assert!(found);
    let mut seen = 0;
    let mut answered = look(&execution, &mut seen);
    asker.join().unwrap();
    if address.lock().unwrap().is_some_and(|told| told > 0) {
        answered += look(&execution, &mut seen);
    }
    assert_eq!(answered, 1, "a control is seen by nobody");
}

mod whole {
    use super::*;

    #[test]
    fn nothing_is_held_after_the_end() {
        loom::model(none_is_held_after_the_end);
    }

    #[test]
    fn who_finds_no_room_is_served_when_there_is() {
        loom::model(who_waits_for_room_is_served);
    }

    #[test]
    fn what_is_asked_while_an_actor_leaves_is_answered() {
        loom::model(|| asked_while_it_leaves(Park::ThenLook));
    }

    #[test]
    fn what_is_asked_while_a_shard_dies_is_answered() {
        loom::model(asked_while_the_shard_dies);
    }
}

#[test]
fn canary_a_control_that_is_held_after_a_look() {
    catches(Bug::ControlLooksFirst, "held after the end", none_is_held_after_the_end);
}

#[test]
fn canary_an_answer_that_hides_the_room() {
    catches(Bug::LifecycleHidesRoom, "deadlock", who_waits_for_room_is_served);
}

#[test]
fn canary_a_shard_that_parks_without_a_look() {
    catches_misuse("seen by nobody", || asked_while_it_leaves(Park::Only));
}

#[test]
fn canary_an_asker_that_looks_for_the_shard_first() {
    catches(Bug::AnnounceLooksFirst, "seen by nobody", asked_while_the_shard_dies);
}
