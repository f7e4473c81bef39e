//! The gate of one tool: which waiting call may be made now. Owns the places, the rates, the circuit, and the line of those
//! that wait. Reads no clock, and makes no call.

use std::time::Duration;

use updraft_protocol::{BreakerPolicy, CallLimits, Priority, TenantCode};

use crate::circuit::{CallEnd, Circuit, CircuitVerdict, ForcedCircuit};
use crate::day_quota::{DayQuota, QuotaVerdict};
use crate::fair_queue::{FairQueue, QueueTicket};
use crate::rate::RateMeter;
use crate::tenant_map::TenantMap;

/// A gate at which entries of type `T` wait. All times are durations since one instant of a clock that never goes back.
#[derive(Debug)]
pub struct CallGate<T> {
    places: usize,
    places_of_tenant: usize,
    rates: Vec<RateMeter>,
    circuit: Circuit,
    quota: Option<DayQuota>,
    /// Where there is a quota: those that have passed and were not told of since, with the instant at which they were counted.
    counted: Vec<(QueueTicket, Duration)>,
    /// Those that have a place as probes of the circuit.
    probes: Vec<QueueTicket>,
    inside: usize,
    /// Tenants that have places, and no others.
    of_tenant: TenantMap<usize>,
    /// What a tenant may have, where that is not what each may.
    shares: TenantMap<usize>,
    queue: FairQueue<Waiting<T>>,
    /// How many of those that wait are further requests.
    requests: usize,
}

/// What waits: a call, for a place and for the rates; or a further request of a call that has a place, for the rates alone.
#[derive(Debug)]
struct Waiting<T> {
    entry: T,
    is_request: bool,
}

impl<T> CallGate<T> {
    /// A gate with these limits, which nothing has passed.
    pub fn new(limits: &CallLimits, policy: BreakerPolicy) -> Self {
        Self {
            places: limits.places(),
            places_of_tenant: limits.places_of_tenant(),
            rates: limits.rates().iter().copied().map(RateMeter::new).collect(),
            circuit: Circuit::new(policy),
            quota: None,
            counted: Vec::new(),
            probes: Vec::new(),
            inside: 0,
            of_tenant: TenantMap::default(),
            shares: TenantMap::default(),
            queue: FairQueue::default(),
            requests: 0,
        }
    }

    /// A gate that no tool has: each tenant may have so many places at once, if that is limited, or a share that is set for it.
    pub fn for_tenants(each: Option<usize>) -> Self {
        let gate = Self::new(&CallLimits::new(), BreakerPolicy::off());
        Self { places: usize::MAX, places_of_tenant: each.unwrap_or(usize::MAX), ..gate }
    }

    /// The same, with a quota of the day.
    #[must_use]
    pub fn with_quota(self, quota: DayQuota) -> Self {
        Self { quota: Some(quota), ..self }
    }

    /// Stands in line. [`admit`](Self::admit) says when it may pass.
    pub fn enter(
        &mut self,
        tenant: &TenantCode,
        order: (u32, Priority),
        entry: T,
        now: Duration,
    ) -> QueueTicket {
        self.queue.push(tenant, order, Waiting { entry, is_request: false }, now)
    }

    /// Stands in line for a further request of a call that has a place: it takes its tenant's turns, before that tenant's calls,
    /// which would begin what this one may end.
    pub fn enter_request(&mut self, tenant: &TenantCode, weight: u32, entry: T) -> QueueTicket {
        let waiting = Waiting { entry, is_request: true };
        let ticket = self.queue.push_at(tenant, weight, Duration::ZERO, waiting);
        self.requests += 1;
        self.queue.readmit(tenant);
        ticket
    }

    /// Lets the next one pass that may do so at `now`: a call has a place from now on, and it counts for the rates.
    pub fn admit(&mut self, now: Duration) -> Option<(QueueTicket, T)> {
        if !self.is_rate_free(now) {
            return None;
        }
        let (ticket, Waiting { entry, is_request }) = self.next(now)?;
        self.count(&ticket, now);
        if is_request {
            self.requests -= 1;
            self.circuit.pass_request(now);
        } else {
            self.take_place(&ticket, now);
        }
        Some((ticket, entry))
    }

    /// Lets a call pass that comes at `now`, if it may and nobody's turn comes before it; it has never stood in line then. All else is
    /// as if it had [entered](Self::enter) and been [admitted](Self::admit).
    pub fn pass(&mut self, tenant: &TenantCode, now: Duration) -> Option<QueueTicket> {
        let may = self.is_rate_free(now) && self.is_place_free(now) && !self.has_share(tenant);
        let ticket = if may { self.queue.pass_by(tenant)? } else { return None };
        self.count(&ticket, now);
        self.take_place(&ticket, now);
        Some(ticket)
    }

    /// Takes the next one out of the line that rates and quota let pass.
    fn next(&mut self, now: Duration) -> Option<(QueueTicket, Waiting<T>)> {
        if self.is_place_free(now) {
            // Apart from the queue, which is changed.
            let (of_tenant, shares, each) = (&self.of_tenant, &self.shares, self.places_of_tenant);
            let has_share = |tenant: &TenantCode| has_share((of_tenant, shares, each), tenant);
            return self.queue.pop(|tenant, next| next.is_request || !has_share(tenant));
        }
        let may = self.requests > 0 && self.circuit.verdict_of_request(now) == CircuitVerdict::Pass;
        if may { self.queue.pop_wanted(|next| next.is_request) } else { None }
    }

    /// Whether rates and quota let one pass at `now`.
    fn is_rate_free(&self, now: Duration) -> bool {
        self.rated_at() <= now && self.quota.is_none_or(|quota| quota.verdict(now) == QuotaVerdict::Pass)
    }

    /// Whether a place is free, and the circuit lets a call have it at `now`.
    fn is_place_free(&self, now: Duration) -> bool {
        let circuit = self.circuit.verdict(now);
        self.inside < self.places && matches!(circuit, CircuitVerdict::Pass | CircuitVerdict::Probe)
    }

    /// Whether a tenant has all places that it may have at once.
    fn has_share(&self, tenant: &TenantCode) -> bool {
        has_share((&self.of_tenant, &self.shares, self.places_of_tenant), tenant)
    }

    /// Counts one that passes at `now` for the rates and the quota.
    fn count(&mut self, ticket: &QueueTicket, now: Duration) {
        self.rates.iter_mut().for_each(|rate| rate.take(now));
        if let Some(quota) = &mut self.quota {
            quota.take();
            self.counted.push((ticket.clone(), now));
        }
    }

    /// A call has a place from `now` on.
    fn take_place(&mut self, ticket: &QueueTicket, now: Duration) {
        self.inside += 1;
        *self.of_tenant.entry(ticket.tenant().clone()).or_default() += 1;
        if self.circuit.pass(now) {
            self.probes.push(ticket.clone());
        }
    }

    /// When the next one that waits can pass without anybody giving a place back, ending a probe or granting calls; `None`
    /// where nobody waits, or only that helps. It may be too early once, for a tenant that has its share.
    pub fn next_at(&self, now: Duration) -> Option<Duration> {
        let by_call = self.inside < self.places && self.queue.has_turn();
        let by_call = by_call.then(|| self.circuit.verdict(now));
        let by_request = (self.requests > 0).then(|| self.circuit.verdict_of_request(now));
        let at = |verdict| match verdict {
            CircuitVerdict::Probing => None,
            CircuitVerdict::Later(at) => Some(at),
            CircuitVerdict::Pass | CircuitVerdict::Probe => Some(Duration::ZERO),
        };
        let next = [by_call, by_request].into_iter().flatten().filter_map(at).min()?;
        let by_quota = match self.quota.map(|quota| quota.verdict(now)) {
            Some(QuotaVerdict::Asking) => return None,
            Some(QuotaVerdict::Later(at)) => at,
            Some(QuotaVerdict::Pass) | None => Duration::ZERO,
        };
        Some(next.max(by_quota).max(self.rated_at()))
    }

    /// The quota of the day, if there is one.
    pub fn quota(&mut self) -> Option<&mut DayQuota> {
        self.quota.as_mut()
    }

    /// The day for which further calls are to be granted; see [`DayQuota::ask`].
    pub fn ask_for_calls(&mut self, now: Duration) -> Option<u64> {
        let waits = self.queue.has_turn();
        self.quota.as_mut()?.ask(now, waits)
    }

    /// When the rates let another call pass, which may be past.
    fn rated_at(&self) -> Duration {
        self.rates.iter().map(RateMeter::earliest).fold(Duration::ZERO, Duration::max)
    }

    /// Whether somebody waits.
    pub fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether it waits still.
    pub fn waits(&self, ticket: &QueueTicket) -> bool {
        self.queue.waits(ticket)
    }

    /// Leaves the line; `None` for one that has passed already.
    pub fn leave(&mut self, ticket: &QueueTicket) -> Option<T> {
        let Waiting { entry, is_request } = self.queue.remove(ticket)?;
        self.requests -= usize::from(is_request);
        Some(entry)
    }

    /// A call has ended; of one that passed here, with its ticket. Returns whether the circuit has opened by that.
    pub fn ended(&mut self, ticket: Option<&QueueTicket>, end: CallEnd, now: Duration) -> bool {
        let is_probe = ticket.is_some_and(|ticket| self.is_probe_over(ticket));
        let before = self.circuit.counts().opened;
        self.circuit.ended(end, is_probe, now);
        self.circuit.counts().opened > before
    }

    /// Gives the place of one back that passed. A call that was never made does not count for the rates, and one that
    /// [ended](Self::ended) without being told of was no probe.
    pub fn give_back(&mut self, ticket: &QueueTicket, was_made: bool) {
        if self.is_probe_over(ticket) {
            self.circuit.ended(CallEnd::Nothing, true, Duration::ZERO);
        }
        self.inside = self.inside.saturating_sub(1);
        let tenant = ticket.tenant();
        if let Some(inside) = self.of_tenant.get_mut(tenant) {
            *inside = inside.saturating_sub(1);
            if *inside == 0 {
                self.of_tenant.remove(tenant);
            }
        }
        self.queue.readmit(tenant);
        self.told(ticket, was_made);
    }

    /// A further request that passed is over. One that was never made does not count for the rates.
    pub fn give_back_request(&mut self, ticket: &QueueTicket, was_made: bool) {
        self.told(ticket, was_made);
    }

    /// Whether one that passed was made: if not, it counts neither for the rates nor for its day.
    fn told(&mut self, ticket: &QueueTicket, was_made: bool) {
        let at = self.counted.iter().position(|(counted, _)| counted == ticket);
        let counted = at.map(|at| self.counted.swap_remove(at).1);
        if was_made {
            return;
        }
        self.rates.iter_mut().for_each(RateMeter::give_back);
        if let (Some(quota), Some(counted)) = (&mut self.quota, counted) {
            quota.give_back(counted);
        }
    }

    /// Whether one that passed is a probe of the circuit, and has not ended.
    pub fn is_probe(&self, ticket: &QueueTicket) -> bool {
        self.probes.contains(ticket)
    }

    fn is_probe_over(&mut self, ticket: &QueueTicket) -> bool {
        let at = self.probes.iter().position(|probe| probe == ticket);
        at.map(|at| self.probes.swap_remove(at)).is_some()
    }

    /// Sets what a tenant may have of the places at once, instead of what each may. Those that it has beyond that are not taken away.
    pub fn set_share(&mut self, tenant: &TenantCode, most: Option<usize>) {
        match most {
            Some(most) => self.shares.insert(tenant.clone(), most),
            None => self.shares.remove(tenant),
        };
        self.queue.readmit(tenant);
    }

    /// A person decides whether calls are made; `None` leaves it to their ends again.
    pub fn force(&mut self, forced: Option<ForcedCircuit>) {
        self.circuit.force(forced);
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How many have a place.
    pub fn inside(&self) -> usize {
        self.inside
    }

    /// The circuit of its tool.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Whether a new gate would be the same at `now`.
    pub fn is_idle(&self, now: Duration) -> bool {
        // What is granted of a day's calls is not forgotten with the gate.
        let is_unused = self.quota.is_none() && self.rates.iter().all(|rate| rate.is_unused(now));
        is_unused && self.inside == 0 && self.queue.is_empty() && self.circuit.is_idle(now)
    }

    /// Whether it may be forgotten at `now`, to make room. Calls of the day that are granted have to be [taken](Self::quota) before.
    pub fn is_quiet(&self, now: Duration) -> bool {
        let is_unused = self.rates.iter().all(|rate| rate.is_unused(now));
        is_unused && self.inside == 0 && self.queue.is_empty() && self.circuit.is_quiet(now)
    }

    /// Invariant: no bound is passed, the shares add up to the whole, and who waits is in the round or has its share.
    pub fn is_sound(&self) -> bool {
        let inside = |tenant: &TenantCode, inside: usize| {
            // A share may have been more before.
            inside >= 1 && (self.shares.contains_key(tenant) || inside <= self.places_of_tenant)
        };
        self.inside <= self.places
            && self.of_tenant.iter().all(|(tenant, has)| inside(tenant, *has))
            && self.of_tenant.values().sum::<usize>() == self.inside
            && self.queue.is_sound()
            && self.requests <= self.queue.len()
            && self.circuit.is_sound()
            && self.probes.len() <= self.inside
    }
}

/// Whether a tenant has as many places as it may have at once: by its own share, or else by that of each.
fn has_share(
    (of_tenant, shares, each): (&TenantMap<usize>, &TenantMap<usize>, usize),
    tenant: &TenantCode,
) -> bool {
    let most = || shares.get(tenant).copied().unwrap_or(each);
    of_tenant.get(tenant).is_some_and(|inside| *inside >= most())
}

#[cfg(test)]
mod tests;
