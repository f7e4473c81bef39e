//! The reruns of a scenario: a person has an order run again after its end.

use super::MILLIS;
use crate::chance::Dice;

/// A rerun of the execution of an order, once it has ended.
#[derive(Debug, Clone, Copy)]
pub struct SentRerun {
    /// Its number in the scenario.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// Selects the step from which it runs again, if it is not what failed.
    pub from: Option<u64>,
    /// Whether it has another input.
    pub has_other_input: bool,
    /// What is declared of tasks of which it is not known whether they acted.
    pub has_acted: bool,
}

impl SentRerun {
    /// Some reruns of so many orders.
    pub(super) fn draw(orders: u64, dice: &mut Dice) -> Vec<Self> {
        let count = dice.small(0, 3) as usize;
        let rerun = |number| Self {
            number,
            order: dice.below(orders) as usize,
            after: dice.below(20_000) * MILLIS,
            from: dice.one_in(4).then(|| dice.below(8)),
            has_other_input: dice.one_in(6),
            has_acted: dice.one_in(2),
        };
        (0..count).map(rerun).collect()
    }
}
