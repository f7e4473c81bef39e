//! The tenure: one execution's stay in the engine, whoever carries it at the moment. Owns whether it is accepted,
//! how it ended, and its place; never waits, and never decides how it ends.

use super::outcome::{OutcomeCell, Settle};
use super::permits::Permit;
use super::planted::{Bug, planted};
use super::sync::{Mutex, lock};

/// Wakes those who wait for a tenure to change. They register, look, and only then wait.
pub trait Wake {
    /// Wakes all of them.
    fn wake(&self);
}

/// A stay that outlives its carriers, so that who waits is served by the successor of one that died.
pub struct Tenure<A, T, W> {
    /// Settled when it is accepted, or refused.
    accepted: OutcomeCell<A>,
    ended: OutcomeCell<T>,
    /// Its place in the engine. None is kept when it has ended.
    place: Mutex<Option<Permit>>,
    changed: W,
}

impl<A, T, W: Wake> Tenure<A, T, W> {
    /// A stay that is to be accepted.
    pub fn new(place: Option<Permit>, changed: W) -> Self {
        Self { accepted: OutcomeCell::new(), ended: OutcomeCell::new(), place: Mutex::new(place), changed }
    }

    /// Says that it is accepted, or will not be; the first word stands.
    pub fn accept(&self, accepted: A) -> Settle<A> {
        self.tell(|| self.accepted.settle(accepted))
    }

    /// Ends it: gives its place back and wakes those who wait; the first ending stands.
    pub fn end(&self, outcome: T) -> Settle<T> {
        self.tell(|| {
            let settled = self.ended.settle(outcome);
            if let Settle::Won = settled {
                self.hold(None);
            }
            settled
        })
    }

    fn tell<V>(&self, settle: impl FnOnce() -> Settle<V>) -> Settle<V> {
        let early = planted(Bug::TenureWakesEarly);
        if early {
            self.changed.wake();
        }
        let settled = settle();
        if matches!(settled, Settle::Won) && !early {
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

    /// Where to wait for a change.
    pub fn changed(&self) -> &W {
        &self.changed
    }

    /// Holds a place instead of the one that it held, which is given back; where it has ended, none.
    pub fn hold(&self, place: Option<Permit>) {
        // Dropped outside of the lock: others are told of it.
        let _before = std::mem::replace(&mut *lock(&self.place), place);
        // Who ended it meanwhile may have been here before the place was.
        if self.ended.is_settled() && !planted(Bug::TenureHoldsBlindly) {
            let _late = lock(&self.place).take();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        let tenure = Tenure::new(None, Count::default());
        assert_eq!((tenure.accepted(), tenure.ended()), (None, None));
        assert_eq!(tenure.accept("yes"), Settle::Won);
        assert_eq!(tenure.accept("no"), Settle::Lost("no"));
        assert_eq!(tenure.end(1), Settle::Won);
        assert_eq!(tenure.end(2), Settle::Lost(2));
        assert_eq!((tenure.accepted(), tenure.ended()), (Some(&"yes"), Some(&1)));
        assert_eq!(tenure.changed().0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_place_is_held_instead_of_another_and_none_after_the_end() {
        let permits = Permits::new(2, 2);
        let tenure = Tenure::<(), _, _>::new(place(&permits), Count::default());
        tenure.hold(place(&permits));
        assert_eq!(permits.in_use(), 1);
        assert_eq!(tenure.end(()), Settle::Won);
        assert_eq!(permits.in_use(), 0);
        tenure.hold(place(&permits));
        assert_eq!(permits.in_use(), 0, "a place that comes after the end is given back");
    }
}
