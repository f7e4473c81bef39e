//! Gates: where calls wait for the declared limits of their tools. Owns the gates of one engine, and the instants at which they
//! let calls pass without anybody giving a place back. What a gate decides is in the kernel.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use updraft_kernel::shared::SharedGate;
use updraft_kernel::shared::gates::{GatePermit, GateWait};
use updraft_protocol::limits::{CALL_GATES, CALL_GATES_OF_TENANT, COOLDOWN, COOLDOWN_LONGEST};
use updraft_protocol::{CallLimits, Failure, FailureKind, Name, Priority, SecretReference, TenantCode};

use crate::timer::TimerThread;

/// The gates of one engine.
pub struct Gates {
    limits: BTreeMap<Name, CallLimits>,
    /// The instant from which the gates count.
    started: Instant,
    /// Those that are not idle, and some that are.
    gates: Mutex<HashMap<GateKey, Arc<DrivenGate>>>,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GateKey {
    integration: Name,
    /// `None` where all tenants share the limits.
    tenant: Option<TenantCode>,
    /// The host and port, of a tool that is named by a URL: what one of them asks for is no matter of the others.
    host: Option<String>,
    /// The secrets that the call names: another account at the vendor has limits of its own. None where all tenants share the
    /// limits, each of which may call the secret of their account otherwise.
    credentials: Vec<Name>,
}

/// How a gate stands, for people who ask why calls wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolGate {
    /// The tool.
    pub integration: Name,
    /// Whose calls are counted; `None` where all tenants share the limits.
    pub tenant: Option<TenantCode>,
    /// The host and port, of a tool that is named by a URL.
    pub host: Option<String>,
    /// The secrets that the calls name; none where all tenants share the limits.
    pub credentials: Vec<Name>,
    /// Calls in line.
    pub waiting: usize,
    /// Calls that have passed and are not over.
    pub running: usize,
    /// How long the tool is still left alone, as it has asked for.
    pub closed_for: Option<Duration>,
}

/// A gate with the instant at which it is looked at again.
struct DrivenGate {
    gate: SharedGate,
    started: Instant,
    /// The earliest instant for which a look is due.
    due: Mutex<Option<Duration>>,
    timer: tokio::runtime::Handle,
}

/// A call that waits for its turn at a gate.
pub(crate) struct GateTurn {
    // Leaves the line while the gate is still there to let the next call pass.
    wait: GateWait,
    gate: Arc<DrivenGate>,
    granted: Arc<Notify>,
}

/// The permit of a gate, until the call is over.
pub(crate) struct GatePass {
    // Given back while the gate is still there to let the next call pass.
    permit: GatePermit,
    gate: Arc<DrivenGate>,
}

impl Gates {
    /// Gates for tools with these limits.
    pub fn new(limits: BTreeMap<Name, CallLimits>) -> Self {
        Self { limits, started: Instant::now(), gates: Mutex::default() }
    }

    /// Whether limits are declared for a tool.
    pub(crate) fn limit(&self, integration: &Name) -> bool {
        self.limits.contains_key(integration)
    }

    /// Stands in line for a call of a tool; `None` if no limits are declared for it. `host` is where the call leads.
    ///
    /// # Errors
    /// So many tools, hosts and credentials have calls under way, of all tenants or of this one, that no further ones can be
    /// counted.
    pub(crate) fn enter(
        &self,
        (integration, host): (&Name, Option<String>),
        (tenant, priority): (&TenantCode, Priority),
        secrets: &[SecretReference],
        timer: &TimerThread,
    ) -> Option<Result<GateTurn, Failure>> {
        let limits = self.limits.get(integration)?;
        let is_shared = limits.is_shared();
        let secrets = if is_shared { &[] } else { secrets };
        let mut credentials: Vec<Name> = secrets.iter().map(|secret| secret.name.clone()).collect();
        credentials.sort_unstable();
        credentials.dedup();
        let tenant_key = (!is_shared).then(|| tenant.clone());
        let key = GateKey { integration: integration.clone(), tenant: tenant_key, host, credentials };
        let Some(gate) = self.gate(key, limits, timer) else {
            let message =
                "calls of so many tools, hosts and credentials are counted that there is no room for another";
            return Some(Err(Failure::new(FailureKind::Unreachable, message)));
        };
        let granted = Arc::new(Notify::new());
        let hook = granted.clone();
        let now = gate.now();
        let wait = gate.gate.enter(tenant, (1, priority), Arc::new(move || hook.notify_one()), now);
        gate.look();
        Some(Ok(GateTurn { gate, wait, granted }))
    }

    /// How all gates stand at which calls have come lately.
    pub fn states(&self) -> Vec<ToolGate> {
        let gates: Vec<_> = lock(&self.gates).iter().map(|(key, gate)| (key.clone(), gate.clone())).collect();
        let state = |(key, gate): (GateKey, Arc<DrivenGate>)| {
            let (waiting, running, closed_until) = gate.gate.state();
            let closed_for = closed_until.checked_sub(gate.now()).filter(|left| !left.is_zero());
            let GateKey { integration, tenant, host, credentials } = key;
            ToolGate { integration, tenant, host, credentials, waiting, running, closed_for }
        };
        gates.into_iter().map(state).collect()
    }

    /// The gate of this key; `None` where there is no room for one.
    fn gate(&self, key: GateKey, limits: &CallLimits, timer: &TimerThread) -> Option<Arc<DrivenGate>> {
        let mut gates = lock(&self.gates);
        if let Some(gate) = gates.get(&key) {
            return Some(gate.clone());
        }
        let is_full = |gates: &HashMap<GateKey, Arc<DrivenGate>>| {
            let of_tenant = || gates.keys().filter(|other| other.tenant == key.tenant).count();
            gates.len() >= CALL_GATES || (key.tenant.is_some() && of_tenant() >= CALL_GATES_OF_TENANT)
        };
        if is_full(&gates) {
            // Whoever waits or has a place holds the gate too.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1 || !gate.gate.is_idle(gate.now()));
            if is_full(&gates) {
                return None;
            }
        }
        let gate = DrivenGate::new(limits, self.started, timer.handle());
        gates.insert(key, gate.clone());
        Some(gate)
    }
}

impl DrivenGate {
    fn new(limits: &CallLimits, started: Instant, timer: tokio::runtime::Handle) -> Arc<Self> {
        Arc::new_cyclic(|gate: &Weak<Self>| {
            let gate = gate.clone();
            let changed = move || {
                if let Some(gate) = gate.upgrade() {
                    gate.look();
                }
            };
            Self {
                gate: SharedGate::new(limits, Some(Arc::new(changed))),
                started,
                due: Mutex::default(),
                timer,
            }
        })
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Lets all pass that may, and looks again when the next one may.
    fn look(self: &Arc<Self>) {
        let Some(at) = self.gate.admit(self.now()) else { return };
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

impl GateTurn {
    /// Waits until the call may be made. Dropped, it leaves the line.
    pub(crate) async fn passed(self) -> GatePass {
        let Self { gate, mut wait, granted } = self;
        loop {
            match wait.pass() {
                Ok(permit) => return GatePass { gate, permit },
                Err(still) => wait = still,
            }
            granted.notified().await;
        }
    }
}

impl GatePass {
    /// The call is made: it counts, whatever becomes of it.
    pub(crate) fn made(mut self) -> Self {
        self.permit.made();
        self
    }

    /// Takes note of how the call failed: a tool that demands fewer calls is left alone for as long as it says.
    pub(crate) fn failed(&self, failure: &Failure) {
        let asked = failure.retry_after();
        if asked.is_some() || failure.kind == FailureKind::RateLimited {
            let pause = asked.unwrap_or(COOLDOWN).min(COOLDOWN_LONGEST);
            self.gate.gate.close_until(self.gate.now() + pause);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
