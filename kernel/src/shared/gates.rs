//! The gate of a tool, shared by the threads whose calls wait there. Owns who was let in and who left meanwhile; what the
//! gate decides is in `call_gate`. Never waits: a caller brings a hook that runs when it is let in.

use std::fmt;
use std::time::Duration;

use updraft_protocol::{BreakerPolicy, CallLimits, Priority, TenantCode};

use super::sync::{Arc, Hook, Mutex, MutexGuard, lock, run};
use crate::call_gate::CallGate;
use crate::circuit::{CallEnd, CircuitCounts, CircuitState, CircuitVerdict, ForcedCircuit};
use crate::day_quota::DayQuota;
use crate::fair_queue::QueueTicket;

/// A gate, shared by whoever holds a clone.
#[derive(Clone)]
pub struct SharedGate {
    inner: Arc<Inner>,
}

struct Inner {
    /// Each waiting call with what it wants to be run when it is let in.
    gate: Mutex<CallGate<Hook>>,
    changed: Option<Hook>,
}

/// A call in line. Dropped, it leaves the line, and gives a permit back that it was granted and did not take.
#[must_use = "dropped, it leaves the line"]
pub struct GateWait {
    gate: SharedGate,
    ticket: Option<QueueTicket>,
    is_request: bool,
}

/// A call that has passed, and has a place until this is dropped; or a further request of one, which has none.
#[must_use = "the place is free again as soon as the permit is dropped"]
pub struct GatePermit {
    gate: SharedGate,
    ticket: QueueTicket,
    is_request: bool,
    was_made: bool,
}

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateState {
    /// How many wait.
    pub waiting: usize,
    /// How many have a place.
    pub inside: usize,
    /// Whether calls may be made at all.
    pub circuit: CircuitState,
    /// How calls have ended.
    pub counts: CircuitCounts,
}

impl SharedGate {
    /// A gate with these limits and this breaker. `changed` runs after each change by which somebody who waits may be
    /// [admitted](Self::admit), as after each place that is given back; outside of all locks, and not where nobody waits.
    pub fn new(limits: &CallLimits, policy: BreakerPolicy, changed: Option<Hook>) -> Self {
        Self { inner: Arc::new(Inner { gate: Mutex::new(CallGate::new(limits, policy)), changed }) }
    }

    /// A gate that no tool has: each tenant may have so many places at once, if that is limited, or a share that is set for it.
    pub fn for_tenants(each: Option<usize>, changed: Option<Hook>) -> Self {
        Self { inner: Arc::new(Inner { gate: Mutex::new(CallGate::for_tenants(each)), changed }) }
    }

    /// The same, with a quota of the day, before anybody has entered.
    #[must_use]
    pub fn with_quota(self, quota: DayQuota) -> Self {
        let mut gate = lock(&self.inner.gate);
        let made = std::mem::replace(&mut *gate, CallGate::new(&CallLimits::new(), BreakerPolicy::off()));
        *gate = made.with_quota(quota);
        drop(gate);
        self
    }

    /// The day for which further calls are to be granted at `now`; from then on they are being asked for.
    pub fn ask_for_calls(&self, now: Duration) -> Option<u64> {
        lock(&self.inner.gate).ask_for_calls(now)
    }

    /// What `change` makes of the quota of the day; `None` without one.
    pub fn quota<T>(&self, change: impl FnOnce(&mut DayQuota) -> T) -> Option<T> {
        let mut gate = lock(&self.inner.gate);
        let changed = gate.quota().map(change);
        drop(gate);
        changed
    }

    /// Stands in line at `now`; `granted` runs once the call is let in. Who has entered [admits](Self::admit) then, as
    /// it may be let in at once.
    pub fn enter(
        &self,
        tenant: &TenantCode,
        order: (u32, Priority),
        granted: Hook,
        now: Duration,
    ) -> GateWait {
        let ticket = lock(&self.inner.gate).enter(tenant, order, granted, now);
        GateWait { gate: self.clone(), ticket: Some(ticket), is_request: false }
    }

    /// The permit of a call that comes at `now`, if it may pass and nobody's turn comes before it: it never stands in line.
    pub fn pass(&self, tenant: &TenantCode, now: Duration) -> Option<GatePermit> {
        let ticket = lock(&self.inner.gate).pass(tenant, now)?;
        Some(GatePermit { gate: self.clone(), ticket, is_request: false, was_made: false })
    }

    /// Stands in line for a further request of a call that has a place. See [`enter`](Self::enter).
    pub fn enter_request(&self, tenant: &TenantCode, weight: u32, granted: Hook) -> GateWait {
        let ticket = lock(&self.inner.gate).enter_request(tenant, weight, granted);
        GateWait { gate: self.clone(), ticket: Some(ticket), is_request: true }
    }

    /// Lets all in that may be at `now`. Returns when this has to be asked again, though nobody gives a place back:
    /// `None` where nobody waits for a time.
    pub fn admit(&self, now: Duration) -> Option<Duration> {
        let mut granted: Vec<Hook> = Vec::new();
        let mut gate = lock(&self.inner.gate);
        while let Some((_, hook)) = gate.admit(now) {
            granted.push(hook);
        }
        let next = gate.next_at(now);
        drop(gate);
        granted.iter().for_each(|hook| run(Some(hook)));
        next
    }

    /// A call of the tool that has not passed here has ended at `now`; returns whether the circuit has opened by that.
    pub fn ended(&self, end: CallEnd, now: Duration) -> bool {
        self.end(None, end, now)
    }

    fn end(&self, ticket: Option<&QueueTicket>, end: CallEnd, now: Duration) -> bool {
        let mut gate = lock(&self.inner.gate);
        let has_opened = gate.ended(ticket, end, now);
        self.changed(gate);
        has_opened
    }

    /// Somebody who waits may be admitted.
    fn changed(&self, gate: MutexGuard<'_, CallGate<Hook>>) {
        let has_waiting = gate.has_waiting();
        drop(gate);
        if has_waiting {
            run(self.inner.changed.as_ref());
        }
    }

    /// Sets what a tenant may have of the places at once, instead of what each may.
    pub fn set_share(&self, tenant: &TenantCode, most: Option<usize>) {
        let mut gate = lock(&self.inner.gate);
        gate.set_share(tenant, most);
        self.changed(gate);
    }

    /// A person decides whether calls are made; `None` leaves it to their ends again.
    pub fn force(&self, forced: Option<ForcedCircuit>) {
        let mut gate = lock(&self.inner.gate);
        gate.force(forced);
        self.changed(gate);
    }

    /// Whether its circuit lets a call be made at `now`.
    pub fn verdict(&self, now: Duration) -> CircuitVerdict {
        lock(&self.inner.gate).circuit().verdict(now)
    }

    /// Whether its circuit lets a call that has passed make a further request at `now`.
    pub fn verdict_of_request(&self, now: Duration) -> CircuitVerdict {
        lock(&self.inner.gate).circuit().verdict_of_request(now)
    }

    /// How it stands at `now`.
    pub fn state(&self, now: Duration) -> GateState {
        let gate = lock(&self.inner.gate);
        let (circuit, counts) = (gate.circuit().state(now), gate.circuit().counts());
        GateState { waiting: gate.waiting(), inside: gate.inside(), circuit, counts }
    }

    /// Whether a new gate would be the same at `now`.
    pub fn is_idle(&self, now: Duration) -> bool {
        lock(&self.inner.gate).is_idle(now)
    }

    /// Whether it may be forgotten at `now`, to make room.
    pub fn is_quiet(&self, now: Duration) -> bool {
        lock(&self.inner.gate).is_quiet(now)
    }

    /// Invariant: no bound is passed, and the places of all tenants add up.
    pub fn is_sound(&self) -> bool {
        lock(&self.inner.gate).is_sound()
    }

    fn give_back(&self, (ticket, is_request): (&QueueTicket, bool), was_made: bool) {
        let mut gate = lock(&self.inner.gate);
        if is_request {
            gate.give_back_request(ticket, was_made);
        } else {
            gate.give_back(ticket, was_made);
        }
        // A request that was made has had no place, and stays counted.
        if !is_request || !was_made {
            self.changed(gate);
        }
    }
}

impl GateWait {
    /// The permit, once the call was let in.
    ///
    /// # Errors
    /// Itself, still in line.
    pub fn pass(mut self) -> Result<GatePermit, Self> {
        let waits = self.ticket.as_ref().is_some_and(|ticket| lock(&self.gate.inner.gate).waits(ticket));
        if waits {
            return Err(self);
        }
        match self.ticket.take() {
            Some(ticket) => {
                let (gate, is_request) = (self.gate.clone(), self.is_request);
                Ok(GatePermit { gate, ticket, is_request, was_made: false })
            }
            None => Err(self),
        }
    }
}

impl Drop for GateWait {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        // Whether it still waited is decided together with its leaving: it may be let in at this moment.
        let waited = lock(&self.gate.inner.gate).leave(&ticket).is_some();
        if !waited {
            self.gate.give_back((&ticket, self.is_request), false);
        }
    }
}

impl GatePermit {
    /// The call is made: from now on it counts for the rates, whatever becomes of it.
    pub fn made(&mut self) {
        self.was_made = true;
    }

    /// Whether the call is a probe of an open circuit.
    pub fn is_probe(&self) -> bool {
        lock(&self.gate.inner.gate).is_probe(&self.ticket)
    }

    /// The call has ended at `now`; returns whether the circuit has opened by that. Its place is given back when this is dropped.
    pub fn ended(&self, end: CallEnd, now: Duration) -> bool {
        self.gate.end(Some(&self.ticket), end, now)
    }
}

impl Drop for GatePermit {
    fn drop(&mut self) {
        self.gate.give_back((&self.ticket, self.is_request), self.was_made);
    }
}

impl fmt::Debug for GatePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GatePermit").field(&self.ticket).finish()
    }
}

impl fmt::Debug for GateWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GateWait").field(&self.ticket).finish()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc as StdArc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NORMAL: (u32, Priority) = (1, Priority::Normal);

    fn one_place() -> (SharedGate, StdArc<AtomicUsize>, Hook) {
        let changes = StdArc::new(AtomicUsize::new(0));
        let counted = StdArc::clone(&changes);
        let changed: Hook = StdArc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let limits = CallLimits::new().at_once(NonZeroU32::MIN);
        (SharedGate::new(&limits, BreakerPolicy::new(), Some(changed)), changes, StdArc::new(|| {}))
    }

    #[test]
    fn a_wait_is_granted_passed_and_given_back_or_left() {
        let (gate, changes, nothing) = one_place();
        let a = TenantCode::new("a").unwrap();
        let enter = || {
            let wait = gate.enter(&a, NORMAL, nothing.clone(), Duration::ZERO);
            assert_eq!(gate.admit(Duration::ZERO), None);
            wait
        };
        let mut first = enter().pass().unwrap();
        first.made();
        let second = enter().pass().unwrap_err();
        drop(enter());
        assert_eq!(
            (gate.state(Duration::ZERO).waiting, changes.load(Ordering::Relaxed)),
            (1, 0),
            "who leaves the line frees nothing"
        );
        drop(first);
        assert_eq!((gate.admit(Duration::ZERO), changes.load(Ordering::Relaxed)), (None, 1));
        drop(second);
        assert_eq!(
            (gate.state(Duration::ZERO).inside, changes.load(Ordering::Relaxed)),
            (0, 1),
            "granted, not taken, and nobody waits"
        );
        assert!(gate.is_sound() && gate.is_idle(Duration::ZERO));
    }

    #[test]
    fn who_comes_when_nobody_waits_passes_without_a_line() {
        let (gate, changes, nothing) = one_place();
        let [a, b] = ["a", "b"].map(|code| TenantCode::new(code).unwrap());
        let first = gate.pass(&a, Duration::ZERO).unwrap();
        assert!(gate.pass(&a, Duration::ZERO).is_none(), "the only place is taken");
        let waits = gate.enter(&b, NORMAL, nothing, Duration::ZERO);
        drop(first);
        assert_eq!(changes.load(Ordering::Relaxed), 1);
        assert!(gate.pass(&a, Duration::ZERO).is_none(), "whose turn it is comes first");
        assert_eq!(gate.admit(Duration::ZERO), None);
        drop(waits.pass().unwrap());
        drop(gate.pass(&a, Duration::ZERO).unwrap());
        assert_eq!(changes.load(Ordering::Relaxed), 1, "nobody waits");
        assert!(gate.is_sound() && gate.is_idle(Duration::ZERO));
    }
}
