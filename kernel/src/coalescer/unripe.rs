//! What is not ripe: new documents that go on, which will soon be overtaken and are left a while for it. Owns how long
//! that is, in rounds; reads no clock.

use std::collections::VecDeque;

use updraft_protocol::limits::RIPENING_ROUNDS;

/// Places kept for what comes next.
const KEPT: usize = 1 << 10;

/// Slots that wait to ripen, by the round in which they came. A slot that ripened before its time, since its document
/// ended, still stands here: whoever takes a round asks the slot.
#[derive(Default)]
pub(super) struct Unripe {
    /// The oldest first; what comes is of the last.
    rounds: [VecDeque<(u64, usize)>; RIPENING_ROUNDS + 1],
    /// Of all, those that wait indeed.
    waiting: usize,
}

impl Unripe {
    /// Adds a slot, with the journal position that it carries.
    pub(super) fn push(&mut self, lsn: u64, slot: usize) {
        self.rounds[RIPENING_ROUNDS].push_back((lsn, slot));
        self.waiting += 1;
    }

    /// One that waited is ripe.
    pub(super) fn ripened(&mut self) {
        self.waiting -= 1;
    }

    /// The next of those that have been left for long enough; some were ripe before.
    pub(super) fn pop(&mut self) -> Option<(u64, usize)> {
        self.rounds[0].pop_front()
    }

    /// The next of all, where it came no later than this position.
    pub(super) fn pop_until(&mut self, lsn: u64) -> Option<(u64, usize)> {
        let oldest = self.rounds.iter_mut().find(|round| !round.is_empty())?;
        oldest.front().filter(|(came, _)| *came <= lsn)?;
        oldest.pop_front()
    }

    /// Begins a round. What had been left for long enough must have been taken.
    pub(super) fn begin(&mut self) {
        self.rounds.rotate_left(1);
        self.rounds[RIPENING_ROUNDS].shrink_to(KEPT);
    }

    /// Drops those of which `waits` says that they are ripe, where they are the greater part.
    pub(super) fn compact(&mut self, mut waits: impl FnMut(u64, usize) -> bool) {
        if self.rounds.iter().map(VecDeque::len).sum::<usize>() > 2 * self.waiting + KEPT {
            for round in &mut self.rounds {
                round.retain(|&(lsn, slot)| waits(lsn, slot));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends a round; gives what it took.
    fn end(unripe: &mut Unripe) -> Vec<(u64, usize)> {
        let taken = std::iter::from_fn(|| unripe.pop()).collect();
        unripe.begin();
        taken
    }

    #[test]
    fn what_came_in_a_round_is_left_for_two_more() {
        let mut unripe = Unripe::default();
        unripe.push(1, 10);
        assert_eq!(end(&mut unripe), []);
        unripe.push(2, 20);
        assert_eq!(end(&mut unripe), []);
        assert_eq!(end(&mut unripe), [(1, 10)]);
        assert_eq!(end(&mut unripe), [(2, 20)]);
    }

    #[test]
    fn what_came_until_a_position_is_popped_in_order_whichever_its_round() {
        let mut unripe = Unripe::default();
        for lsn in 1..=3 {
            unripe.push(lsn, 10);
            unripe.push(lsn, 20);
            if lsn < 3 {
                assert_eq!(end(&mut unripe), []);
            }
        }
        let until: Vec<_> = std::iter::from_fn(|| unripe.pop_until(2)).collect();
        assert_eq!(until, [(1, 10), (1, 20), (2, 10), (2, 20)]);
        assert_eq!(unripe.pop_until(3), Some((3, 10)));
    }

    #[test]
    fn those_that_are_ripe_before_their_time_take_no_more_room_than_those_that_wait() {
        let mut unripe = Unripe::default();
        for lsn in 0..100_000 {
            unripe.push(lsn, 0);
            if [500, 700].contains(&lsn) {
                unripe.begin();
            } else if lsn % 100 > 0 {
                unripe.ripened();
            }
            unripe.compact(|lsn, _| lsn % 100 == 0);
            let stand: usize = unripe.rounds.iter().map(VecDeque::len).sum();
            assert!(stand <= 2 * unripe.len() + KEPT);
        }
        assert_eq!(unripe.len(), 1_000);
        let mut left = Vec::new();
        for _ in 0..=RIPENING_ROUNDS {
            left.extend(end(&mut unripe).into_iter().map(|(lsn, _)| lsn).filter(|lsn| lsn % 100 == 0));
        }
        assert_eq!(left, (0..100_000).step_by(100).collect::<Vec<_>>(), "each that waits is there, in order");
    }
}
