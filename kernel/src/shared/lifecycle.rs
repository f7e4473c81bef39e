//! The lifecycle of one execution in this engine, whichever actor runs it at the moment. Owns whether the execution is
//! accepted, how it ended, its permit, and the controls that are not answered; never waits, and never decides how it ends.

use super::controls::{AskVerdict, ControlQueue};
use super::outcome::{OutcomeCell, Settle};
use super::permits::Permit;
use super::sync::{Mutex, lock};

/// Wakes those who wait for a lifecycle to change. They register, look, and only then wait.
pub trait Wake {
    /// Wakes all of them.
    fn wake(&self);
}

/// Outlives the actors that run the execution, so that those who wait are served by the successor of one that died.
pub struct Lifecycle<A, T, C, W> {
    /// Settled when it is accepted, or refused.
    accepted: OutcomeCell<A>,
    ended: OutcomeCell<T>,
    /// Its permit. None is kept when it has ended.
    permit: Mutex<Option<Permit>>,
    /// What is asked of it. Nothing is held when it has ended.
    controls: ControlQueue<C>,
    changed: W,
}

impl<A, T, C, W: Wake> Lifecycle<A, T, C, W> {
    /// Of an execution that is to be accepted.
    pub fn new(permit: Option<Permit>, changed: W) -> Self {
        Self {
            accepted: OutcomeCell::new(),
            ended: OutcomeCell::new(),
            permit: Mutex::new(permit),
            controls: ControlQueue::default(),
            changed,
        }
    }

    /// Says that it is accepted, or will not be; the first word stands.
    pub fn accept(&self, accepted: A) -> Settle<A> {
        self.tell(|| self.accepted.settle(accepted))
    }

    /// Ends it: gives its permit back, drops the controls that are not answered and wakes those who wait; the first ending
    /// stands.
    pub fn end(&self, outcome: T) -> Settle<T> {
        self.tell(|| {
            let settled = self.ended.settle(outcome);
            if let Settle::Won = settled {
                self.hold(None);
                // Dropped outside of the lock, and where the end can be seen: those who asked look for it.
                drop(self.controls.close());
            }
            settled
        })
    }

    fn tell<V>(&self, settle: impl FnOnce() -> Settle<V>) -> Settle<V> {
        let settled = settle();
        if let Settle::Won = settled {
            self.changed.wake();
        }
        settled
    }

    /// What was said of its acceptance.
    pub fn accepted(&self) -> Option<&A> {
        self.accepted.get()
    }

    /// How it ended.
    pub fn ended(&self) -> Option<&T> {
        self.ended.get()
    }

    /// Holds a control until it is answered or the execution has ended. Where there is no room, there is after a change.
    pub fn ask(&self, control: C) -> AskVerdict<C> {
        self.controls.ask(control)
    }

    /// The controls that are not answered.
    pub fn controls(&self) -> &ControlQueue<C> {
        &self.controls
    }

    /// Takes a control out to be answered, and wakes those who wait for room; none where the execution has ended.
    pub fn answer(&self, number: u64) -> Option<C> {
        let (control, full) = self.controls.take(number)?;
        if full {
            self.changed.wake();
        }
        Some(control)
    }

    /// Where to wait for a change.
    pub fn changed(&self) -> &W {
        &self.changed
    }

    /// Holds a permit instead of the one that it held, which is given back; where it has ended, none.
    pub fn hold(&self, permit: Option<Permit>) {
        // Dropped outside of the lock: others are told of it.
        let _before = std::mem::replace(&mut *lock(&self.permit), permit);
        // The thread that ended it meanwhile may have looked before the permit was there.
        if self.ended.is_settled() {
            let _late = lock(&self.permit).take();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use updraft_protocol::limits::CONTROLS_HELD;

    use super::super::permits::{Permits, TenantCode};
    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn place(permits: &Permits) -> Option<Permit> {
        permits.try_acquire(&TenantCode::new("acme").unwrap()).granted()
    }

    #[test]
    fn the_first_word_stands_and_wakes_those_who_wait() {
        let lifecycle = Lifecycle::<_, _, (), _>::new(None, Count::default());
        assert_eq!((lifecycle.accepted(), lifecycle.ended()), (None, None));
        assert_eq!(lifecycle.accept("yes"), Settle::Won);
        assert_eq!(lifecycle.accept("no"), Settle::Lost("no"));
        assert_eq!(lifecycle.end(1), Settle::Won);
        assert_eq!(lifecycle.end(2), Settle::Lost(2));
        assert_eq!((lifecycle.accepted(), lifecycle.ended()), (Some(&"yes"), Some(&1)));
        assert_eq!(lifecycle.changed().0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_control_is_held_until_it_is_answered_or_the_execution_has_ended() {
        let lifecycle = Lifecycle::<(), _, _, _>::new(None, Count::default());
        for _ in 0..CONTROLS_HELD {
            assert_eq!(lifecycle.ask("look"), AskVerdict::Held);
        }
        assert_eq!(lifecycle.ask("cancel"), AskVerdict::Full("cancel"));
        assert_eq!((lifecycle.answer(1), lifecycle.answer(1)), (Some("look"), None));
        assert_eq!(lifecycle.answer(2), Some("look"));
        assert_eq!(lifecycle.changed().0.load(Ordering::Relaxed), 1, "there was room already");
        assert_eq!(lifecycle.end(()), Settle::Won);
        assert!(lifecycle.controls().is_empty());
        assert_eq!(lifecycle.ask("late"), AskVerdict::Closed("late"));
    }

    #[test]
    fn a_place_is_held_instead_of_another_and_none_after_the_end() {
        let permits = Permits::new(2, 2);
        let lifecycle = Lifecycle::<(), _, (), _>::new(place(&permits), Count::default());
        lifecycle.hold(place(&permits));
        assert_eq!(permits.in_use(), 1);
        assert_eq!(lifecycle.end(()), Settle::Won);
        assert_eq!(permits.in_use(), 0);
        lifecycle.hold(place(&permits));
        assert_eq!(permits.in_use(), 0, "a place that comes after the end is given back");
    }
}
