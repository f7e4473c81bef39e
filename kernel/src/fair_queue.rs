//! The fair queue: whose turn it is among what waits for one bound. Owns the order; counts no permits, and reads no clock.
//!
//! Tenants are served by deficit round robin (M. Shreedhar and G. Varghese, "Efficient fair queuing using deficit round
//! robin", 1995) in which each entry costs one: in a round, a tenant has as many turns as its weight, so that who floods
//! the queue waits behind itself. Of one tenant, the entry whose priority-adjusted time of arrival is earliest is next.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use updraft_protocol::limits::PRIORITY_STEP;
use updraft_protocol::{Priority, TenantCode};

use crate::tenant_map::TenantMap;

/// Waiting entries of many tenants.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// Tenants with waiting entries, and no others.
    lines: TenantMap<Line<T>>,
    /// The tenants whose turn comes, in order; those that were passed over are not among them.
    round: VecDeque<TenantCode>,
    /// The number of the next entry.
    next: u64,
}

/// The entries of one tenant.
#[derive(Debug)]
struct Line<T> {
    waiting: BTreeMap<Position, T>,
    weight: u32,
    /// The turns that are left in this round.
    left: u32,
    in_round: bool,
}

/// The order within a tenant: by the adjusted time of arrival, then by number.
type Position = (Duration, u64);

/// Where an entry waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTicket {
    tenant: TenantCode,
    position: Position,
}

impl QueueTicket {
    /// Whose entry it is.
    pub fn tenant(&self) -> &TenantCode {
        &self.tenant
    }
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { lines: TenantMap::default(), round: VecDeque::new(), next: 0 }
    }
}

impl<T> FairQueue<T> {
    /// Adds an entry that arrived at `now`. `weight` is the turns that its tenant has in a round, at least one.
    ///
    /// A priority is an advance in time: an entry is overtaken by one of the next higher priority that arrives up to
    /// [`PRIORITY_STEP`] later, and by none after that, so that nothing waits for ever.
    pub fn push(
        &mut self,
        tenant: &TenantCode,
        (weight, priority): (u32, Priority),
        entry: T,
        now: Duration,
    ) -> QueueTicket {
        self.push_at(tenant, weight, now.saturating_add(PRIORITY_STEP * priority.steps_behind()), entry)
    }

    /// Adds an entry at this adjusted time of arrival.
    pub fn push_at(&mut self, tenant: &TenantCode, weight: u32, at: Duration, entry: T) -> QueueTicket {
        let position = (at, self.next);
        self.next += 1;
        let line = self.lines.entry(tenant.clone()).or_insert_with(|| {
            self.round.push_back(tenant.clone());
            Line { waiting: BTreeMap::new(), weight: 1, left: 0, in_round: true }
        });
        line.weight = weight.max(1);
        line.left = line.left.min(line.weight);
        line.waiting.insert(position, entry);
        QueueTicket { tenant: tenant.clone(), position }
    }

    /// The ticket of an entry of this tenant that need not wait, as nobody's turn comes before it; `None` where somebody's does. The
    /// queue is as it would be had the entry been added and taken.
    pub fn pass_by(&mut self, tenant: &TenantCode) -> Option<QueueTicket> {
        if !self.round.is_empty() || self.lines.contains_key(tenant) {
            return None;
        }
        let position = (Duration::ZERO, self.next);
        self.next += 1;
        Some(QueueTicket { tenant: tenant.clone(), position })
    }

    /// Takes the next entry of a tenant that `may` have it. A tenant that may not is passed over until it is
    /// [readmitted](Self::readmit).
    pub fn pop(&mut self, mut may: impl FnMut(&TenantCode, &T) -> bool) -> Option<(QueueTicket, T)> {
        loop {
            let tenant = self.round.front()?;
            let line = self.lines.get_mut(tenant)?;
            let (_, next) = line.waiting.first_key_value()?;
            if !may(tenant, next) {
                (line.in_round, line.left) = (false, 0);
                self.round.pop_front();
                continue;
            }
            return self.take_at(0);
        }
    }

    /// Takes the next entry of the first tenant in the round whose next entry is `wanted`. The others keep their turns.
    pub fn pop_wanted(&mut self, wanted: impl Fn(&T) -> bool) -> Option<(QueueTicket, T)> {
        let is_wanted = |tenant: &TenantCode| {
            let next = self.lines.get(tenant).and_then(|line| line.waiting.first_key_value());
            next.is_some_and(|(_, entry)| wanted(entry))
        };
        let at = self.round.iter().position(is_wanted)?;
        self.take_at(at)
    }

    /// Gives a turn to the tenant at this place of the round, which keeps the place while it has turns left.
    fn take_at(&mut self, at: usize) -> Option<(QueueTicket, T)> {
        let tenant = self.round.get(at)?.clone();
        let line = self.lines.get_mut(&tenant)?;
        if line.left == 0 {
            line.left = line.weight;
        }
        line.left -= 1;
        let (position, entry) = line.waiting.pop_first()?;
        if line.waiting.is_empty() {
            self.lines.remove(&tenant);
            self.round.remove(at);
        } else if line.left == 0 {
            self.round.remove(at);
            self.round.push_back(tenant.clone());
        }
        Some((QueueTicket { tenant, position }, entry))
    }

    /// Lets a tenant have turns again that was passed over.
    pub fn readmit(&mut self, tenant: &TenantCode) {
        if let Some(line) = self.lines.get_mut(tenant).filter(|line| !line.in_round) {
            line.in_round = true;
            self.round.push_back(tenant.clone());
        }
    }

    /// Changes the turns of a tenant in a round, if it has waiting entries.
    pub fn set_weight(&mut self, tenant: &TenantCode, weight: u32) {
        if let Some(line) = self.lines.get_mut(tenant) {
            line.weight = weight.max(1);
            line.left = line.left.min(line.weight);
        }
    }

    /// Whether an entry waits still.
    pub fn waits(&self, ticket: &QueueTicket) -> bool {
        self.lines.get(&ticket.tenant).is_some_and(|line| line.waiting.contains_key(&ticket.position))
    }

    /// Takes an entry out of its line, if it still waits.
    pub fn remove(&mut self, ticket: &QueueTicket) -> Option<T> {
        let line = self.lines.get_mut(&ticket.tenant)?;
        let entry = line.waiting.remove(&ticket.position)?;
        if line.waiting.is_empty() {
            let in_round = line.in_round;
            self.lines.remove(&ticket.tenant);
            if in_round {
                self.round.retain(|tenant| *tenant != ticket.tenant);
            }
        }
        Some(entry)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many entries of a tenant wait.
    pub fn waiting_of(&self, tenant: &TenantCode) -> usize {
        self.lines.get(tenant).map_or(0, |line| line.waiting.len())
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.lines.values().map(|line| line.waiting.len()).sum()
    }

    /// Whether a tenant waits that was not passed over.
    pub fn has_turn(&self) -> bool {
        !self.round.is_empty()
    }

    /// Invariant: who waits is in the round or was passed over, once, and nobody else is.
    pub fn is_sound(&self) -> bool {
        let in_round = self.lines.values().filter(|line| line.in_round).count();
        in_round == self.round.len()
            && self.round.iter().all(|tenant| self.lines.get(tenant).is_some_and(|line| line.in_round))
            && self.lines.values().all(|line| !line.waiting.is_empty() && line.left <= line.weight)
    }
}

#[cfg(test)]
mod tests;
