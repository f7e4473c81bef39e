//! What of a scenario waits for places: how many there are, the quotas of tenants, pauses of all that is of a tenant or a playbook,
//! and other priorities for what is queued.

use updraft_protocol::{Priority, Quota, SubmissionRate};

use super::MILLIS;
use crate::chance::Dice;

/// The most turns of a tenant in a round.
pub const MOST_WEIGHT: u32 = 4;

/// The places of each process.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Executions in flight.
    pub in_flight: usize,
    /// Those of one tenant, where its quota says nothing else.
    pub of_tenant: usize,
    /// Executions that are queued beyond those.
    pub backlog: u64,
    /// The quotas of tenants in the configuration, by their numbers.
    pub quotas: Vec<Quota>,
}

/// A quota that an operator sets at run time.
#[derive(Debug, Clone, Copy)]
pub struct SentQuota {
    /// Its number in the scenario.
    pub number: usize,
    /// The order whose tenant it is for.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// The quota.
    pub quota: Quota,
}

/// A pause of all that is of the tenant or the playbook of an order, until it is taken back.
#[derive(Debug, Clone, Copy)]
pub struct SentScopePause {
    /// Its number in the scenario.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// The delay after the pause until it is taken back.
    pub length: u64,
    /// Whether it is for the playbook alone.
    pub of_playbook: bool,
}

/// Another priority for an order that is queued.
#[derive(Debug, Clone, Copy)]
pub struct SentPriority {
    /// Its number in the scenario.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// The priority.
    pub priority: Priority,
}

impl Flow {
    /// The places for so many tenants: in half of the scenarios more than are needed.
    pub(super) fn draw(tenants: u64, dice: &mut Dice) -> Self {
        let (in_flight, of_tenant) = match dice.one_in(2) {
            true => (1_000, 1_000),
            false => (dice.small(1, 4) as usize, dice.small(1, 3) as usize),
        };
        let quotas = (0..tenants).map(|_| quota(in_flight, dice)).collect();
        Self { in_flight, of_tenant, backlog: dice.pick(&[3, 1_000, 1_000]), quotas }
    }
}

/// A quota; in most of them little is said.
fn quota(in_flight: usize, dice: &mut Dice) -> Quota {
    let in_flight = dice.small(1, 3).min(in_flight as u64);
    let rate = SubmissionRate { per_second: dice.pick(&[1, 20]), burst: dice.pick(&[1, 3]) };
    let queued = dice.small(1, 4);
    let weight = dice.small(1, u64::from(MOST_WEIGHT)) as u32;
    Quota {
        in_flight: dice.one_in(3).then_some(in_flight),
        queued: dice.one_in(5).then_some(queued),
        submissions: dice.one_in(4).then_some(rate),
        weight: dice.one_in(2).then_some(weight),
        tasks_at_once: None,
    }
}

impl SentQuota {
    /// Some of them, for so many orders.
    pub(super) fn draw(orders: u64, in_flight: usize, dice: &mut Dice) -> Vec<Self> {
        let count = dice.small(0, 3) as usize;
        let sent = |number| Self {
            number,
            order: dice.below(orders) as usize,
            after: dice.below(60_000) * MILLIS,
            quota: quota(in_flight, dice),
        };
        (0..count).map(sent).collect()
    }
}

impl SentScopePause {
    /// Some of them, for so many orders.
    pub(super) fn draw(orders: u64, dice: &mut Dice) -> Vec<Self> {
        let count = dice.small(0, 3) as usize;
        let sent = |number| {
            let (longest, length) = (dice.pick(&[10, 300, 60_000]), dice.pick(&[1_000, 600_000, 7_200_000]));
            Self {
                number,
                order: dice.below(orders) as usize,
                after: dice.below(longest) * MILLIS,
                length: dice.below(length) * MILLIS,
                of_playbook: dice.one_in(2),
            }
        };
        (0..count).map(sent).collect()
    }
}

impl SentPriority {
    /// Some of them, for so many orders.
    pub(super) fn draw(orders: u64, dice: &mut Dice) -> Vec<Self> {
        let count = dice.small(0, 4) as usize;
        let sent = |number| Self {
            number,
            order: dice.below(orders) as usize,
            after: dice.below(5_000) * MILLIS,
            priority: dice.pick(&Priority::ALL),
        };
        (0..count).map(sent).collect()
    }
}

/// The priority of an order.
pub(super) fn priority(dice: &mut Dice) -> Priority {
    if dice.one_in(2) { Priority::Normal } else { dice.pick(&Priority::ALL) }
}
