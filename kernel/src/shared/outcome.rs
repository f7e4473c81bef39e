//! The outcome cell: settled once, by whoever comes first. Owns the race between completion, cancel, timeout
//! and the failure of an engine; never decides what the outcome means.

use super::sync::{AtomicBool, Mutex, Ordering, Slot, lock};

/// A value that is set once and then read by anyone.
pub struct OutcomeCell<T> {
    /// Held by who settles, so that who lost finds the outcome there.
    turn: Mutex<()>,
    /// True when `value` is whole.
    settled: AtomicBool,
    value: Slot<T>,
}

/// What became of an attempt to settle.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Settle<T> {
    /// It was the first; its value is the outcome.
    Won,
    /// Another was first. The value comes back, and the outcome can be read.
    Lost(T),
}

impl<T> OutcomeCell<T> {
    /// A cell that is open.
    pub fn new() -> Self {
        Self { turn: Mutex::new(()), settled: AtomicBool::new(false), value: Slot::new() }
    }

    /// Settles the cell, unless it is settled.
    pub fn settle(&self, value: T) -> Settle<T> {
        let _turn = lock(&self.turn);
        if let Err(value) = self.value.set(value) {
            return Settle::Lost(value);
        }
        self.settled.store(true, Ordering::Release);
        Settle::Won
    }

    /// The outcome, where there is one.
    pub fn get(&self) -> Option<&T> {
        if self.is_settled() { self.value.get() } else { None }
    }

    /// Whether there is an outcome. What the winner did before it settled is visible to who sees true.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }
}

impl<T> Default for OutcomeCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn the_first_wins_and_the_others_get_their_value_back() {
        let cell = OutcomeCell::default();
        assert_eq!((cell.get(), cell.is_settled()), (None, false));
        assert_eq!(cell.settle("completed".to_owned()), Settle::Won);
        assert_eq!(cell.settle("cancelled".to_owned()), Settle::Lost("cancelled".to_owned()));
        assert_eq!(cell.settle("timed out".to_owned()), Settle::Lost("timed out".to_owned()));
        assert_eq!(cell.get().map(String::as_str), Some("completed"));
    }

    #[test]
    fn one_of_many_threads_wins() {
        let (cell, start) = (OutcomeCell::new(), Barrier::new(8));
        let wins: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|me| {
                    let (cell, start) = (&cell, &start);
                    scope.spawn(move || {
                        start.wait();
                        let won = cell.settle(me) == Settle::Won;
                        assert!(cell.get().is_some_and(|outcome| (*outcome == me) == won));
                        usize::from(won)
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(wins, 1);
    }
}
