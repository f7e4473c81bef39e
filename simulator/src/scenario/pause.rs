//! The pauses of a scenario, each until it is taken back.

use super::MILLIS;
use crate::chance::Dice;

/// A pause of an order, which a person takes back a while later, or a person who resumes it where it is paused for a failure.
#[derive(Debug, Clone)]
pub struct SentPause {
    /// Its number in the scenario.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// The delay after the pause until it is taken back.
    pub length: u64,
    /// No pause is asked for: the order is resumed when it is paused for a failure.
    pub mends: bool,
}

impl SentPause {
    /// Some pauses of so many orders.
    pub(super) fn draw(orders: u64, dice: &mut Dice) -> Vec<Self> {
        let count = dice.small(0, 6) as usize;
        let pause = |number| {
            let (longest, length) =
                (dice.pick(&[300, 5_000, 60_000]), dice.pick(&[1_000, 40_000, 7_200_000]));
            Self {
                number,
                order: dice.below(orders) as usize,
                after: dice.below(longest) * MILLIS,
                length: dice.below(length) * MILLIS,
                mends: dice.one_in(2),
            }
        };
        (0..count).map(pause).collect()
    }
}
