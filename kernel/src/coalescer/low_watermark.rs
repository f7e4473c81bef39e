//! The low watermark: below which journal position the store has everything. Owns a count of documents for each position
//! that the store does not have yet; knows no documents.

use std::collections::BTreeMap;

/// Counted journal positions, and the first one that nobody has offered.
#[derive(Default)]
pub(super) struct LowWatermark {
    /// Never with a count of zero.
    counts: BTreeMap<u64, usize>,
    /// What was released last, gathered: neighbours in a batch come from the same position.
    released: (u64, usize),
    next: u64,
}

impl LowWatermark {
    /// Hears of a position, and counts it `count` times.
    pub(super) fn offered(&mut self, lsn: u64, count: usize) {
        self.next = self.next.max(lsn.saturating_add(1));
        if count > 0 {
            *self.counts.entry(lsn).or_default() += count;
        }
    }

    /// Counts one document less, at the latest when [`flush`](Self::flush) is called.
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
        self.counts.first_key_value().map_or(self.next, |(lsn, _)| *lsn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pin_holds_until_its_last_holder_lets_go() {
        let mut low = LowWatermark::default();
        assert_eq!(low.below(), 0);
        low.offered(3, 2);
        low.offered(4, 0);
        low.offered(5, 1);
        for (lsn, below) in [(3, 3), (5, 3), (3, 6)] {
            low.release(lsn);
            low.flush();
            assert_eq!(low.below(), below);
        }
    }

    #[test]
    fn the_end_of_all_positions_does_not_wrap() {
        let mut low = LowWatermark::default();
        low.offered(u64::MAX, 1);
        assert_eq!(low.below(), u64::MAX);
        low.release(u64::MAX);
        low.flush();
        assert_eq!(low.below(), u64::MAX);
    }
}
