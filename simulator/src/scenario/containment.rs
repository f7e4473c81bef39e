//! What people of a scenario ask of containments.

use super::MILLIS;
use crate::chance::Dice;

/// What a person asks of a containment of the tenant of an order, once there is one.
#[derive(Debug, Clone, Copy)]
pub struct SentContainmentAsk {
    /// Its number in the scenario, which also selects the containment.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// What is asked.
    pub ask: AskedOfContainment,
    /// Whether it is asked just when the containment falls due.
    pub waits_until_due: bool,
}

/// What a person asks of a containment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedOfContainment {
    /// That it lasts so many milliseconds longer.
    Extend(u64),
    /// That it ends, and the target stays as it is.
    Keep,
    /// That it is undone at once.
    Undo,
}

impl SentContainmentAsk {
    /// Some of them, for so many orders.
    pub(super) fn draw(orders: u64, dice: &mut Dice) -> Vec<Self> {
        let count = dice.small(0, 6) as usize;
        let ask = |number| {
            let longest = dice.pick(&[5_000, 600_000, 7_200_000]);
            Self {
                number,
                order: dice.below(orders) as usize,
                after: dice.below(longest) * MILLIS,
                ask: match dice.below(4) {
                    0 | 1 => AskedOfContainment::Extend(dice.below(7_200_000)),
                    2 => AskedOfContainment::Keep,
                    _ => AskedOfContainment::Undo,
                },
                waits_until_due: dice.one_in(2),
            }
        };
        (0..count).map(ask).collect()
    }
}
