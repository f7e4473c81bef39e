//! What is not ripe: new documents that go on, which will soon be overtaken and are left a while for it. Owns how long
//! that is, in rounds; reads no clock.

use std::collections::VecDeque;

/// Places kept for what comes next.
const KEPT: usize = 1 << 10;

/// Slots that wait to ripen, by the round in which they came. A slot that ripened before its time, since its document
/// ended, still stands here: whoever takes a round asks the slot.
#[derive(Default)]
pub(super) struct Unripe {
    /// Came before the last round began.
    before: VecDeque<(u64, usize)>,
    /// Came since.
    since: VecDeque<(u64, usize)>,
    /// Of both, those that wait indeed.
    waiting: usize,
}

impl Unripe {
    /// Adds a slot, with the journal position that it carries.
    pub(super) fn push(&mut self, lsn: u64, slot: usize) {
        self.since.push_back((lsn, slot));
        self.waiting += 1;
    }

    /// One that waited is ripe.
    pub(super) fn ripened(&mut self) {
        self.waiting -= 1;
    }

    /// The next of those that came before the last round began; some are ripe already.
    pub(super) fn pop(&mut self) -> Option<(u64, usize)> {
        self.before.pop_front()
    }

    /// The next of all, where it came no later than this position.
    pub(super) fn pop_until(&mut self, lsn: u64) -> Option<(u64, usize)> {
        let next = if self.before.is_empty() { &mut self.since } else { &mut self.before };
        next.front().filter(|(came, _)| *came <= lsn)?;
        next.pop_front()
    }

    /// Begins a round. What came before the last one must have been taken.
    pub(super) fn begin(&mut self) {
        std::mem::swap(&mut self.before, &mut self.since);
        self.since.shrink_to(KEPT);
    }

    /// Drops those of which `waits` says that they are ripe, where they are the greater part.
    pub(super) fn compact(&mut self, mut waits: impl FnMut(u64, usize) -> bool) {
        if self.before.len() + self.since.len() > 2 * self.waiting + KEPT {
            self.before.retain(|&(lsn, slot)| waits(lsn, slot));
            self.since.retain(|&(lsn, slot)| waits(lsn, slot));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_a_round_is_popped_in_the_second_round_after_it() {
        let mut unripe = Unripe::default();
        unripe.push(1, 10);
        assert_eq!(unripe.pop(), None);
        unripe.begin();
        unripe.push(2, 20);
        assert_eq!((unripe.pop(), unripe.pop()), (Some((1, 10)), None));
        unripe.begin();
        assert_eq!((unripe.pop(), unripe.pop(), unripe.len()), (Some((2, 20)), None, 2));
    }

    #[test]
    fn those_that_are_ripe_before_their_time_take_no_more_room_than_those_that_wait() {
        let mut unripe = Unripe::default();
        for lsn in 0..100_000 {
            unripe.push(lsn, 0);
            if lsn == 500 {
                unripe.begin();
            } else if lsn % 100 > 0 {
                unripe.ripened();
            }
            unripe.compact(|lsn, _| lsn % 100 == 0);
            assert!(unripe.before.len() + unripe.since.len() <= 2 * unripe.len() + KEPT);
        }
        assert_eq!(unripe.len(), 1_000);
        let mut left = Vec::new();
        for _ in 0..2 {
            left.extend(std::iter::from_fn(|| unripe.pop()).map(|(lsn, _)| lsn).filter(|lsn| lsn % 100 == 0));
            unripe.begin();
        }
        assert_eq!(left, (0..100_000).step_by(100).collect::<Vec<_>>(), "each that waits is there, in order");
    }
}
