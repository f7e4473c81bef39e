//! A gate with the instants at which it is looked at again, though nobody gives a place back. Decides nothing.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use updraft_kernel::circuit::{CallEnd, CircuitState, CircuitVerdict, ForcedCircuit};
use updraft_kernel::day_quota::{DayQuota, QuotaVerdict};
use updraft_kernel::shared::SharedGate;
use updraft_kernel::shared::gates::{GatePermit, GateState, GateWait};
use updraft_protocol::limits::{GRANT_RETRY, PARK_HORIZON};
use updraft_protocol::{BreakerPolicy, CallLimits, Failure, FailureKind, Priority, Span, TenantCode};

use super::granter::CallGranter;
use super::lock;

/// A gate, driven by a timer.
pub(super) struct DrivenGate {
    gate: SharedGate,
    started: Instant,
    /// The earliest instant for which a look is due.
    due: Mutex<Option<Duration>>,
    /// Notified when the circuit lets no call be made any more.
    closed: Notify,
    timer: tokio::runtime::Handle,
    /// What grants the calls of the day, where there is a quota.
    granter: Option<CallGranter>,
}

/// Looks at a gate again, while it is there.
fn changed(driven: &Weak<DrivenGate>) -> Arc<dyn Fn() + Send + Sync> {
    let driven = driven.clone();
    Arc::new(move || {
        if let Some(gate) = driven.upgrade() {
            gate.look();
        }
    })
}

impl DrivenGate {
    pub(super) fn new(
        limits: &CallLimits,
        policy: BreakerPolicy,
        (started, timer): (Instant, tokio::runtime::Handle),
        granter: Option<CallGranter>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|driven: &Weak<Self>| {
            let gate = SharedGate::new(limits, policy, Some(changed(driven)));
            let gate = match &granter {
                Some(granter) => gate.with_quota(granter.quota()),
                None => gate,
            };
            Self { gate, started, due: Mutex::default(), closed: Notify::new(), timer, granter }
        })
    }

    /// A gate that no tool has: each tenant may have so many places at once, if that is limited, or a share that is set for it.
    pub(super) fn for_tenants(
        each: Option<usize>,
        (started, timer): (Instant, tokio::runtime::Handle),
    ) -> Arc<Self> {
        Arc::new_cyclic(|driven: &Weak<Self>| {
            let gate = SharedGate::for_tenants(each, Some(changed(driven)));
            Self { gate, started, due: Mutex::default(), closed: Notify::new(), timer, granter: None }
        })
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether a new gate would be the same.
    pub(super) fn is_idle(&self) -> bool {
        self.gate.is_idle(self.now())
    }

    /// Whether it may be forgotten, to make room.
    pub(super) fn is_quiet(&self) -> bool {
        self.gate.is_quiet(self.now())
    }

    /// How it stands, and when.
    pub(super) fn state(&self) -> (GateState, Duration) {
        let now = self.now();
        (self.gate.state(now), now)
    }

    /// Sets what a tenant may have of the places at once, instead of what each may.
    pub(super) fn set_share(&self, tenant: &TenantCode, most: Option<usize>) {
        self.gate.set_share(tenant, most);
    }

    /// A person decides whether calls are made; `None` leaves it to their ends.
    pub(super) fn force(&self, forced: Option<ForcedCircuit>) {
        self.gate.force(forced);
        self.closed.notify_waiters();
    }

    /// Whether a call may be made that has passed already: how many pass after a pause was counted then.
    pub(super) fn is_closed_circuit(&self) -> bool {
        self.state().0.circuit == CircuitState::Closed
    }

    /// A call has ended, which has passed here or not; returns whether the circuit has opened by that.
    pub(super) fn ended(&self, permit: Option<&GatePermit>, end: CallEnd) -> bool {
        let now = self.now();
        let has_opened = match permit {
            Some(permit) => permit.ended(end, now),
            None => self.gate.ended(end, now),
        };
        let may_have_closed = matches!(end, CallEnd::Failed | CallEnd::Asked(_));
        if may_have_closed && matches!(self.gate.verdict(now), CircuitVerdict::Later(_)) {
            self.closed.notify_waiters();
        }
        has_opened
    }

    /// The permit of a call that may be made at once, as nobody waits before it.
    pub(super) fn pass(self: &Arc<Self>, tenant: &TenantCode) -> Option<GatePermit> {
        let now = self.now();
        let permit = self.gate.pass(tenant, now)?;
        if self.granter.is_some() {
            self.ask_for_calls(now);
        }
        Some(permit)
    }

    /// Waits in line until the call may be made. Dropped, it leaves the line.
    ///
    /// # Errors
    /// The call is not made for so long that its execution need not stay in memory, or it does not wait at all.
    pub(super) async fn passed(
        self: &Arc<Self>,
        (tenant, order): (&TenantCode, (u32, Priority)),
        fails_when_open: bool,
    ) -> Result<GatePermit, Failure> {
        let granted = Arc::new(Notify::new());
        let hook = granted.clone();
        let hook = Arc::new(move || hook.notify_one());
        let wait = self.gate.enter(tenant, order, hook, self.now());
        self.waited(wait, &granted, || self.refusal(fails_when_open)).await
    }

    /// Waits in line until a further request may be made of a call that has passed. Dropped, it leaves the line.
    ///
    /// # Errors
    /// It is known that it may not be made until then.
    pub(super) async fn request(
        self: &Arc<Self>,
        (tenant, weight): (&TenantCode, u32),
        until: Instant,
    ) -> Result<GatePermit, Failure> {
        let granted = Arc::new(Notify::new());
        let hook = granted.clone();
        let wait = self.gate.enter_request(tenant, weight, Arc::new(move || hook.notify_one()));
        self.waited(wait, &granted, || self.refusal_until(until)).await
    }

    async fn waited(
        self: &Arc<Self>,
        mut wait: GateWait,
        granted: &Notify,
        refusal: impl Fn() -> Option<Failure>,
    ) -> Result<GatePermit, Failure> {
        self.look();
        loop {
            let closed = self.closed.notified();
            tokio::pin!(closed);
            closed.as_mut().enable();
            match wait.pass() {
                Ok(permit) => return Ok(permit),
                Err(still) => wait = still,
            }
            if let Some(refusal) = refusal() {
                return Err(refusal);
            }
            tokio::select! {
                () = granted.notified() => {}
                () = closed => {}
            }
        }
    }

    /// Why a call does not stay in line.
    fn refusal(&self, fails_when_open: bool) -> Option<Failure> {
        use CircuitState::{Closed, Cooling, ForcedOpen, HalfOpen, Open};
        let (state, now) = self.state();
        let why = match state.circuit {
            Closed => return self.limited(now),
            Cooling(_) => "it has asked to be left alone",
            Open(_) | HalfOpen(_) => "too many of its calls have failed",
            ForcedOpen => "an operator has opened its circuit",
        };
        let CircuitVerdict::Later(at) = self.gate.verdict(now) else {
            let fails = fails_when_open && matches!(state.circuit, HalfOpen(_));
            return fails.then(|| unavailable(why, None).with_retryable(false));
        };
        let left = at.saturating_sub(now);
        if fails_when_open && !matches!(state.circuit, Cooling(_)) {
            return Some(unavailable(why, Some(left)).with_retryable(false));
        }
        (left >= PARK_HORIZON).then(|| {
            let mut failure = unavailable(why, Some(left)).with_retry_after(left);
            if matches!(state.circuit, Cooling(_)) {
                failure.kind = FailureKind::RateLimited;
            }
            failure
        })
    }

    /// Why a further request does not stay in line, as it is known that it may not be made until then.
    fn refusal_until(&self, until: Instant) -> Option<Failure> {
        let by_circuit = self.gate.verdict_of_request(self.now());
        let by_quota = self.gate.quota(|quota| quota.verdict(self.now()));
        let at = [
            if let CircuitVerdict::Later(at) = by_circuit { Some(at) } else { None },
            if let Some(QuotaVerdict::Later(at)) = by_quota { Some(at) } else { None },
        ];
        let at = at.into_iter().flatten().max()?;
        (self.started + at >= until).then(super::requests::too_late)
    }

    /// Whether all calls of the day are made.
    fn limited(&self, now: Duration) -> Option<Failure> {
        let QuotaVerdict::Later(at) = self.gate.quota(|quota| quota.verdict(now))? else { return None };
        let left = at.saturating_sub(now);
        let message = "all calls of the day are made that the tool takes";
        (left >= PARK_HORIZON).then(|| Failure::new(FailureKind::Limited, message).with_retry_after(left))
    }

    /// Lets all pass that may, and looks again when the next one may.
    fn look(self: &Arc<Self>) {
        let now = self.now();
        let next = self.gate.admit(now);
        self.ask_for_calls(now);
        if let Some(at) = next {
            self.look_at(at);
        }
    }

    /// Has further calls of the day granted, before the last block is used up.
    fn ask_for_calls(self: &Arc<Self>, now: Duration) {
        let Some(day) = self.gate.ask_for_calls(now) else { return };
        let gate = self.clone();
        self.timer.spawn(async move {
            let Some(granter) = &gate.granter else { return };
            let granted = granter.grant(day).await;
            if granted.is_none() {
                // It counts as being asked for meanwhile, so that no call that comes asks the store again.
                tokio::time::sleep(GRANT_RETRY).await;
            }
            gate.gate.quota(|quota| match granted {
                Some(calls) => quota.granted(day, calls),
                None => quota.refused(),
            });
            // Who waits for a day of which all are granted leaves.
            gate.closed.notify_waiters();
            gate.look();
        });
    }

    /// Gives back what is granted of the day's calls and not made: the engine ends.
    pub(super) async fn leave(&self) {
        if let (Some(granter), Some((day, calls))) = (&self.granter, self.gate.quota(DayQuota::leave)) {
            granter.give_back(day, calls).await;
        }
    }

    fn look_at(self: &Arc<Self>, at: Duration) {
        let mut due = lock(&self.due);
        if due.is_some_and(|due| due <= at) {
            return;
        }
        *due = Some(at);
        drop(due);
        let (gate, until) = (Arc::downgrade(self), self.started + at);
        self.timer.spawn(async move {
            tokio::time::sleep_until(until).await;
            let Some(gate) = gate.upgrade() else { return };
            let mut due = lock(&gate.due);
            if *due == Some(at) {
                *due = None;
            }
            drop(due);
            gate.look();
        });
    }
}

fn unavailable(why: &str, left: Option<Duration>) -> Failure {
    let message = match left {
        Some(left) => {
            let secs = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            format!("the tool is not called for {}: {why}", Span::secs(secs))
        }
        None => format!("the tool is not called for now: {why}"),
    };
    Failure::new(FailureKind::Unavailable, message)
}
