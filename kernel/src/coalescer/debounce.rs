//! Debounce: a new document that will soon change again waits up to two whole flush delays, so that one write has both
//! changes. Owns how long that is, in rounds; reads no clock.

use std::collections::VecDeque;

use updraft_protocol::limits::DEBOUNCE_ROUNDS;

/// Places kept for what comes next.
const KEPT: usize = 1 << 10;

/// Debounced slots, by the round in which they came. A slot whose document ended meanwhile still stands here: whoever
/// takes a round asks the slot.
#[derive(Default)]
pub(super) struct Debounce {
    /// The oldest first; what comes is of the last.
    rounds: [VecDeque<(u64, usize)>; DEBOUNCE_ROUNDS + 1],
    /// Of all, those that wait indeed.
    waiting: usize,
}

impl Debounce {
    /// Adds a slot, with the journal position that it carries.
    pub(super) fn push(&mut self, lsn: u64, slot: usize) {
        self.rounds[DEBOUNCE_ROUNDS].push_back((lsn, slot));
        self.waiting += 1;
    }

    /// A slot waits no longer.
    pub(super) fn ended(&mut self) {
        self.waiting -= 1;
    }

    /// The next of those that have been left for long enough; some wait no longer.
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
        self.rounds[DEBOUNCE_ROUNDS].shrink_to(KEPT);
    }

    /// Drops those that wait no longer, as `waits` says, where they are the greater part.
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
    fn end(debounce: &mut Debounce) -> Vec<(u64, usize)> {
        let taken = std::iter::from_fn(|| debounce.pop()).collect();
        debounce.begin();
        taken
    }

    #[test]
    fn what_came_in_a_round_is_left_for_two_more() {
        let mut debounce = Debounce::default();
        debounce.push(1, 10);
        assert_eq!(end(&mut debounce), []);
        debounce.push(2, 20);
        assert_eq!(end(&mut debounce), []);
        assert_eq!(end(&mut debounce), [(1, 10)]);
        assert_eq!(end(&mut debounce), [(2, 20)]);
    }

    #[test]
    fn what_came_until_a_position_is_popped_in_order_whichever_its_round() {
        let mut debounce = Debounce::default();
        for lsn in 1..=3 {
            debounce.push(lsn, 10);
            debounce.push(lsn, 20);
            if lsn < 3 {
                assert_eq!(end(&mut debounce), []);
            }
        }
        let until: Vec<_> = std::iter::from_fn(|| debounce.pop_until(2)).collect();
        assert_eq!(until, [(1, 10), (1, 20), (2, 10), (2, 20)]);
        assert_eq!(debounce.pop_until(3), Some((3, 10)));
    }

    #[test]
    fn those_that_end_before_their_time_take_no_more_room_than_those_that_wait() {
        let mut debounce = Debounce::default();
        for lsn in 0..100_000 {
            debounce.push(lsn, 0);
            if [500, 700].contains(&lsn) {
                debounce.begin();
            } else if lsn % 100 > 0 {
                debounce.ended();
            }
            debounce.compact(|lsn, _| lsn % 100 == 0);
            let stand: usize = debounce.rounds.iter().map(VecDeque::len).sum();
            assert!(stand <= 2 * debounce.len() + KEPT);
        }
        assert_eq!(debounce.len(), 1_000);
        let mut left = Vec::new();
        for _ in 0..=DEBOUNCE_ROUNDS {
            left.extend(end(&mut debounce).into_iter().map(|(lsn, _)| lsn).filter(|lsn| lsn % 100 == 0));
        }
        assert_eq!(left, (0..100_000).step_by(100).collect::<Vec<_>>(), "each that waits is there, in order");
    }
}
