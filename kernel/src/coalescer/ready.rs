//! The ready queue: which slot is written next, the oldest first. Owns the order; each ready slot stands in
//! it once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Places kept for what comes next.
const KEPT: usize = 1 << 10;

/// Slots that may be written, by the end of the journal when they became ready, or where they come back from a batch,
/// by the oldest position that they carry.
///
/// The former only grows, so a plain queue keeps them sorted, and that is nearly all. Those that come back are older
/// than the end of the queue and stand in a heap beside it.
#[derive(Default)]
pub(super) struct Ready {
    fresh: VecDeque<(u64, usize)>,
    back: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Ready {
    /// Adds a slot, ready now that the journal ends here.
    pub(super) fn push(&mut self, lsn: u64, slot: usize) {
        self.fresh.push_back((lsn, slot));
    }

    /// Adds a slot that comes back from a batch.
    pub(super) fn push_back(&mut self, lsn: u64, slot: usize) {
        self.back.push(Reverse((lsn, slot)));
    }

    /// The slot to write next.
    pub(super) fn peek(&self) -> Option<usize> {
        let next =
            if self.back_is_next() { self.back.peek().map(|Reverse(next)| next) } else { self.fresh.front() };
        next.map(|(_, slot)| *slot)
    }

    /// Removes the slot that [`peek`](Self::peek) names.
    pub(super) fn pop(&mut self) {
        if self.back_is_next() {
            self.back.pop();
        } else {
            self.fresh.pop_front();
        }
        if self.len() == 0 {
            // The memory of a peak is given back.
            self.fresh.shrink_to(KEPT);
            self.back.shrink_to(KEPT);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.back.len()
    }

    fn back_is_next(&self) -> bool {
        match (self.back.peek(), self.fresh.front()) {
            (Some(Reverse((back, _))), Some((fresh, _))) => back <= fresh,
            (back, _) => back.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_next_wherever_it_came_from() {
        let mut ready = Ready::default();
        for lsn in [2, 4, 6] {
            ready.push(lsn, lsn as usize);
        }
        for lsn in [5, 1, 4] {
            ready.push_back(lsn, 10 + lsn as usize);
        }
        let mut order = Vec::new();
        while let Some(slot) = ready.peek() {
            order.push(slot);
            ready.pop();
        }
        assert_eq!(order, [11, 2, 14, 4, 15, 6]);
    }

    #[test]
    fn the_memory_of_a_peak_is_given_back() {
        let mut ready = Ready::default();
        for lsn in 0..100_000 {
            ready.push(lsn, 0);
            ready.push_back(lsn, 0);
        }
        while ready.peek().is_some() {
            ready.pop();
        }
        assert!(ready.fresh.capacity() < 4 * KEPT && ready.back.capacity() < 4 * KEPT);
    }
}
