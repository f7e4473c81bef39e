//! What people of a scenario answer and skip, and the signals of clients.

use super::{HOSTS, MILLIS, PEOPLE, SIGNALS, SentAnswer, SentSignal, SentSkip};
use crate::chance::Dice;

/// Some answers for so many orders.
pub(super) fn answers(orders: u64, dice: &mut Dice) -> Vec<SentAnswer> {
    let count = dice.small(0, 12) as usize;
    let answer = |number| {
        let longest = dice.pick(&[1_000, 30_000, 7_200_000]);
        SentAnswer {
            number,
            order: dice.below(orders) as usize,
            after: dice.below(longest) * MILLIS,
            person: dice.below(PEOPLE.len() as u64) as usize,
            choice: dice.pick(&["approve", "approve", "refuse", "later"]),
            number_of_hosts: (!dice.one_in(6)).then(|| dice.below(HOSTS + 3)),
        }
    };
    (0..count).map(answer).collect()
}

/// Some skips for so many orders.
pub(super) fn skips(orders: u64, dice: &mut Dice) -> Vec<SentSkip> {
    let count = dice.small(0, 4) as usize;
    let skip = |number| {
        let (order, after) = (dice.below(orders) as usize, dice.below(30_000) * MILLIS);
        let longest = dice.pick(&[10_000, 600_000, 7_200_000]);
        SentSkip { number, order, after, lasts: dice.one_in(2).then(|| dice.below(longest)) }
    };
    (0..count).map(skip).collect()
}

/// Some signals for so many orders.
pub(super) fn signals(orders: u64, dice: &mut Dice) -> Vec<SentSignal> {
    let count = dice.small(0, 8) as usize;
    let signal = |number| {
        let longest = dice.pick(&[300, 5_000, 7_200_000]);
        SentSignal {
            number,
            order: dice.below(orders) as usize,
            after: dice.below(longest) * MILLIS,
            name: dice.pick(&SIGNALS),
            keyed: dice.one_in(3),
            again: dice.one_in(3).then(|| dice.below(20_000) * MILLIS),
        }
    };
    (0..count).map(signal).collect()
}
