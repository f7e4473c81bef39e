//! The gate of one tool: which waiting call may be made now. Owns the places, the rates, the pause that the tool has asked
//! for, and the line of those that wait. Reads no clock, and makes no call.

use std::collections::HashMap;
use std::time::Duration;

use updraft_protocol::{CallLimits, Priority, TenantCode};

use crate::fair_queue::{FairQueue, QueueTicket};
use crate::rate::RateMeter;

/// A gate at which entries of type `T` wait. All times are durations since one instant of a clock that never goes back.
#[derive(Debug)]
pub struct CallGate<T> {
    places: usize,
    places_of_tenant: usize,
    rates: Vec<RateMeter>,
    /// Before that, nothing passes: the tool has asked for a pause.
    closed_until: Duration,
    inside: usize,
    /// Tenants that have places, and no others.
    of_tenant: HashMap<TenantCode, usize>,
    queue: FairQueue<T>,
}

impl<T> CallGate<T> {
    /// A gate with these limits, which nothing has passed.
    pub fn new(limits: &CallLimits) -> Self {
        Self {
            places: limits.places(),
            places_of_tenant: limits.places_of_tenant(),
            rates: limits.rates().iter().copied().map(RateMeter::new).collect(),
            closed_until: Duration::ZERO,
            inside: 0,
            of_tenant: HashMap::new(),
            queue: FairQueue::default(),
        }
    }

    /// Stands in line. [`admit`](Self::admit) says when it may pass.
    pub fn enter(
        &mut self,
        tenant: &TenantCode,
        order: (u32, Priority),
        entry: T,
        now: Duration,
    ) -> QueueTicket {
        self.queue.push(tenant, order, entry, now)
    }

    /// Lets the next one pass that may do so at `now`: it has a place from now on, and its call counts for the rates.
    pub fn admit(&mut self, now: Duration) -> Option<(QueueTicket, T)> {
        if self.inside >= self.places || self.opens_at() > now {
            return None;
        }
        let (of_tenant, most) = (&self.of_tenant, self.places_of_tenant);
        let may = |tenant: &TenantCode| of_tenant.get(tenant).is_none_or(|inside| *inside < most);
        let (ticket, entry) = self.queue.pop(may)?;
        self.inside += 1;
        *self.of_tenant.entry(ticket.tenant().clone()).or_default() += 1;
        self.rates.iter_mut().for_each(|rate| rate.take(now));
        Some((ticket, entry))
    }

    /// When the next one that waits can pass without anybody giving a place back; `None` where nobody waits, or only a
    /// place that is given back helps. It may be too early once, for a tenant that has its share.
    pub fn next_at(&self) -> Option<Duration> {
        (self.inside < self.places && self.queue.has_turn()).then(|| self.opens_at())
    }

    /// When rates and pauses let another call pass, which may be past.
    fn opens_at(&self) -> Duration {
        self.rates.iter().map(RateMeter::earliest).fold(self.closed_until, Duration::max)
    }

    /// Whether it waits still.
    pub fn waits(&self, ticket: &QueueTicket) -> bool {
        self.queue.waits(ticket)
    }

    /// Leaves the line; `None` for one that has passed already.
    pub fn leave(&mut self, ticket: &QueueTicket) -> Option<T> {
        self.queue.remove(ticket)
    }

    /// Gives a place of the tenant back. A call that was never made does not count for the rates.
    pub fn give_back(&mut self, tenant: &TenantCode, was_made: bool) {
        self.inside = self.inside.saturating_sub(1);
        if let Some(inside) = self.of_tenant.get_mut(tenant) {
            *inside = inside.saturating_sub(1);
            if *inside == 0 {
                self.of_tenant.remove(tenant);
            }
        }
        if !was_made {
            self.rates.iter_mut().for_each(RateMeter::give_back);
        }
        self.queue.readmit(tenant);
    }

    /// Lets nothing pass before `until`, since the tool has asked for it. A pause is never made shorter.
    pub fn close_until(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(until);
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How many have a place.
    pub fn inside(&self) -> usize {
        self.inside
    }

    /// Until when the tool has asked for a pause.
    pub fn closed_until(&self) -> Duration {
        self.closed_until
    }

    /// Whether a new gate would be the same at `now`.
    pub fn is_idle(&self, now: Duration) -> bool {
        let is_unused = self.rates.iter().all(|rate| rate.is_unused(now));
        is_unused && self.inside == 0 && self.queue.is_empty() && self.closed_until <= now
    }

    /// Invariant: no bound is passed, the shares add up to the whole, and who waits is in the round or has its share.
    pub fn is_sound(&self) -> bool {
        let shares = || self.of_tenant.values().copied();
        self.inside <= self.places
            && shares().all(|share| (1..=self.places_of_tenant).contains(&share))
            && shares().sum::<usize>() == self.inside
            && self.queue.is_sound()
    }
}

#[cfg(test)]
mod tests;
