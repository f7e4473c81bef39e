//! Pins: which journal positions the store does not have yet. Owns the counts; knows no documents.

use std::collections::BTreeMap;

use crate::shared::planted::{Bug, planted};

/// Counted journal positions, and the first one that nobody has offered.
#[derive(Default)]
pub(super) struct Pins {
    /// Never with a count of zero.
    counts: BTreeMap<u64, usize>,
    /// What was released last, gathered: neighbours in a batch come from the same position.
    released: (u64, usize),
    next: u64,
}

impl Pins {
    /// Hears of a position, and pins it `count` times.
    pub(super) fn offered(&mut self, lsn: u64, count: usize) {
        self.next = self.next.max(lsn.saturating_add(1));
        if count > 0 {
            *self.counts.entry(lsn).or_default() += count;
        }
    }

    /// Takes one pin away, at the latest when [`flush`](Self::flush) is called.
    pub(super) fn release(&mut self, lsn: u64) {
        if self.released.0 != lsn {
            self.flush();
            self.released.0 = lsn;
        }
        self.released.1 += 1;
    }

    /// Makes what was released count.
    pub(super) fn flush(&mut self) {
        let (lsn, released) = std::mem::take(&mut self.released);
        if let Some(count) = self.counts.get_mut(&lsn) {
            *count = count.saturating_sub(released);
            if *count == 0 {
                self.counts.remove(&lsn);
            }
        }
    }

    /// The oldest position that is pinned; where none is, the first that was not offered.
    pub(super) fn below(&self) -> u64 {
        if planted(Bug::PinsIgnored) {
            return self.next;
        }
        self.counts.first_key_value().map_or(self.next, |(lsn, _)| *lsn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pin_holds_until_its_last_holder_lets_go() {
        let mut pins = Pins::default();
        assert_eq!(pins.below(), 0);
        pins.offered(3, 2);
        pins.offered(4, 0);
        pins.offered(5, 1);
        for (lsn, below) in [(3, 3), (5, 3), (3, 6)] {
            pins.release(lsn);
            pins.flush();
            assert_eq!(pins.below(), below);
        }
    }

    #[test]
    fn the_end_of_all_positions_does_not_wrap() {
        let mut pins = Pins::default();
        pins.offered(u64::MAX, 1);
        assert_eq!(pins.below(), u64::MAX);
        pins.release(u64::MAX);
        pins.flush();
        assert_eq!(pins.below(), u64::MAX);
    }
}
