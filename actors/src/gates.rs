//! Gates: where calls wait for the declared limits of their tools, and for tools that do not work. Owns the gates of one
//! engine, and what people have decided of their circuits. What a gate decides is in the kernel.

mod bulkhead;
mod driven;
mod granter;
mod report;
mod requests;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use updraft_kernel::circuit::{CircuitCounts, ForcedCircuit};
use updraft_kernel::shared::GatedTools;
use updraft_protocol::{
    BreakerPolicy, CallLimits, Failure, FailureKind, Name, Priority, SecretReference, TenantCode, Timestamp,
};
use updraft_storage::Store;

use crate::clock::Clock;
use crate::statistics::{CircuitLevels, EngineStatistics};
use crate::timer::TimerThread;
use bulkhead::Bulkheads;
use driven::DrivenGate;
use granter::CallGranter;
pub(crate) use report::CallReport;
use requests::CallRequests;
use table::GateTable;
use turn::Second;
pub(crate) use turn::{GatePass, GateTurn};

/// The gates of one engine.
pub struct Gates {
    limits: BTreeMap<Name, CallLimits>,
    /// The tools for which nothing is declared, and the bound that they have.
    bulkheads: Bulkheads,
    /// Those of the tools that have one of their own.
    breakers: BTreeMap<Name, BreakerPolicy>,
    /// The instant from which the gates count.
    started: Instant,
    /// The same instant by the clock of the engine.
    started_at: Timestamp,
    timer: tokio::runtime::Handle,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    statistics: Arc<EngineStatistics>,
    table: Mutex<GateTable>,
    /// Where calls wait whose tenant may have so many tasks at once.
    tasks: Arc<DrivenGate>,
    /// The tools of which a gate is there.
    gated: GatedTools,
    /// What people have decided, each of the circuits that it names.
    forced: Mutex<Vec<(CircuitName, ForcedCircuit)>>,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GateKey {
    integration: Name,
    /// `None` where all tenants share the limits.
    tenant: Option<TenantCode>,
    /// The host and port, of a tool that is named by a URL: what one of them asks for is no matter of the others.
    host: Option<String>,
    /// The secrets that the call names: another account at the vendor has limits of its own. None where all tenants share the
    /// limits, each of which may call the secret of their account otherwise.
    credentials: Vec<Name>,
}

/// The circuits that a person decides of: those of a tool, or of it for one tenant, or at one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitName {
    /// The tool.
    pub integration: Name,
    /// Of this tenant alone.
    pub tenant: Option<TenantCode>,
    /// Of this host and port alone.
    pub host: Option<String>,
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
    /// Whether calls are made at all.
    pub circuit: ToolCircuit,
    /// How calls have ended since the gate is there.
    pub counts: CircuitCounts,
}

/// Whether calls of a tool are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolCircuit {
    /// They are.
    Closed,
    /// The tool has asked to be left alone for so long.
    Cooling(Duration),
    /// Too many calls have failed, and none is made for so long.
    Open(Duration),
    /// So many calls probe whether the tool works again.
    HalfOpen(u32),
    /// A person has decided that none is made.
    ForcedOpen,
}

/// A call that is to be made.
pub(crate) struct ToolCall<'a> {
    pub(crate) integration: &'a Name,
    /// Where it leads.
    pub(crate) host: Option<String>,
    pub(crate) tenant: &'a TenantCode,
    pub(crate) order: (u32, Priority),
    pub(crate) secrets: &'a [SecretReference],
    /// Whether it fails, and does not wait, while the circuit is open.
    pub(crate) fails_when_open: bool,
}

impl Gates {
    /// Gates for tools with these limits and breakers, and for tenants of which each may have so many tasks at once.
    pub fn new(
        (limits, breakers): (BTreeMap<Name, CallLimits>, BTreeMap<Name, BreakerPolicy>),
        tasks: Option<u32>,
        timer: &TimerThread,
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        statistics: Arc<EngineStatistics>,
    ) -> Self {
        let (started, gated) = (Instant::now(), GatedTools::default());
        if tasks.is_some() {
            gated.add_each_tenant();
        }
        let tasks = DrivenGate::for_tenants(tasks.map(|tasks| tasks as usize), (started, timer.handle()));
        Self {
            tasks,
            limits,
            bulkheads: Bulkheads::default(),
            breakers,
            started,
            started_at: clock.now(),
            timer: timer.handle(),
            store,
            clock,
            statistics,
            table: Mutex::default(),
            gated,
            forced: Mutex::default(),
        }
    }

    /// The tools whose calls stand in line though they take no permits.
    pub(crate) fn gated(&self) -> &GatedTools {
        &self.gated
    }

    /// Sets how many tasks a tenant may have at once, calls that wait for their tools among them.
    pub(crate) fn set_tasks(&self, tenant: &TenantCode, most: Option<u32>) {
        // Before calls come here, and after.
        self.tasks.set_share(tenant, most.map(|most| most as usize));
        self.gated.set_tenant(tenant, most.is_some());
    }

    /// Stands in line for a call; `None` if no limits are declared for its tool and tenant, and the tool works.
    ///
    /// # Errors
    /// So many tools, hosts and credentials have calls under way, of all tenants or of this one, that no further ones can be
    /// counted.
    pub(crate) fn enter(&self, call: ToolCall<'_>) -> Option<Result<GateTurn, Failure>> {
        let at_tool = self.at_tool(&call);
        if !self.gated.has_tenant(call.tenant) {
            return at_tool;
        }
        let alone = || {
            let second = Second::bulkhead(self.bulkhead(call.integration));
            Ok(GateTurn::new((None, second), call.tenant.clone(), call.order, call.fails_when_open))
        };
        let turn = at_tool.unwrap_or_else(alone);
        Some(turn.map(|turn| turn.after(self.tasks.clone())))
    }

    /// The turn of a call at its tool.
    fn at_tool(&self, call: &ToolCall<'_>) -> Option<Result<GateTurn, Failure>> {
        let limits = self.limits.get(call.integration);
        if limits.is_none() && !self.gated.has(call.integration) {
            return None;
        }
        let own = GateKey::of(call);
        let is_needed = limits.is_some() || self.forced_of(&own).is_some();
        let turn =
            |own, second| GateTurn::new((own, second), call.tenant.clone(), call.order, call.fails_when_open);
        if !is_needed {
            let (own, bulkhead) = (self.troubled(&own), self.bulkhead(call.integration));
            return (own.is_some() || bulkhead.is_some()).then(|| Ok(turn(own, Second::bulkhead(bulkhead))));
        }
        let shared = limits.is_some_and(CallLimits::is_shared).then(|| own.shared());
        let shared = shared.map(|key| self.made(key));
        let bulkhead = self.bulkhead(call.integration);
        Some(match (self.made(own), shared) {
            (Some(own), None) => Ok(turn(Some(own), Second::bulkhead(bulkhead))),
            (Some(own), Some(Some(shared))) => Ok(turn(Some(own), Second::Shared(shared))),
            _ => Err(no_room()),
        })
    }

    /// Who is told how an attempt at a call ended, of which this is the first or a later one.
    pub(crate) fn report(
        self: &Arc<Self>,
        call: &ToolCall<'_>,
        pass: Option<Box<GatePass>>,
        attempt: u32,
    ) -> CallReport {
        let statistics = self.statistics.of(call.integration).clone();
        statistics.began(attempt > 1);
        CallReport::new((self.clone(), statistics), GateKey::of(call), pass, call.order)
    }

    /// Shows in the metrics how many circuits are not closed.
    pub(crate) fn show(&self) {
        let mut troubled = BTreeMap::<Name, CircuitLevels>::new();
        for (key, gate) in self.all() {
            troubled.entry(key.integration).or_default().add(gate.state().0.circuit);
        }
        self.statistics.show_circuits(&troubled);
    }

    /// Gives back what is granted of quotas and not used: the engine ends, and calls nothing any more.
    pub async fn close(&self) {
        for (_, gate) in self.all() {
            gate.leave().await;
        }
    }

    /// What people have decided of circuits, in place of what they had before.
    pub fn force(&self, forced: Vec<(CircuitName, ForcedCircuit)>) {
        let before = std::mem::replace(&mut *lock(&self.forced), forced.clone());
        forced.iter().for_each(|(name, _)| self.gated.add(&name.integration));
        before.iter().for_each(|(name, _)| self.gated.remove(&name.integration));
        for (key, gate) in self.all().into_iter().filter(|(key, _)| key.tenant.is_some()) {
            gate.force(self.forced_of(&key));
        }
    }

    /// What people have decided of a circuit: what names it most closely counts.
    fn forced_of(&self, key: &GateKey) -> Option<ForcedCircuit> {
        let forced = lock(&self.forced);
        let named = forced.iter().filter(|(name, _)| name.has(key));
        named.max_by_key(|(name, _)| (name.host.is_some(), name.tenant.is_some())).map(|(_, forced)| *forced)
    }

    fn all(&self) -> Vec<(GateKey, Arc<DrivenGate>)> {
        lock(&self.table).gates.iter().map(|(key, gate)| (key.clone(), gate.clone())).collect()
    }

    /// The gate of a tool without limits, if there is one because calls have failed. One that is not needed any more is
    /// dropped.
    fn troubled(&self, key: &GateKey) -> Option<Arc<DrivenGate>> {
        let mut table = lock(&self.table);
        let gate = table.gates.get(key)?;
        if Arc::strong_count(gate) == 1 && gate.is_idle() {
            table.remove(key);
            self.gated.remove(&key.integration);
            return None;
        }
        Some(gate.clone())
    }

    /// The gate of this key; `None` where there is no room for one.
    fn made(&self, key: GateKey) -> Option<Arc<DrivenGate>> {
        let mut table = lock(&self.table);
        if let Some(gate) = table.gates.get(&key) {
            return Some(gate.clone());
        }
        if table.is_full(&key) {
            for (gone, gate) in table.make_room() {
                self.gated.remove(&gone.integration);
                // What it has of a day's calls goes back to the store.
                self.timer.spawn(async move { gate.leave().await });
            }
            if table.is_full(&key) {
                return None;
            }
        }
        let limits = self.limits.get(&key.integration);
        let is_shared = key.tenant.is_none();
        let policy = if is_shared {
            // The circuit of each tenant is at its own gate.
            BreakerPolicy::off()
        } else {
            self.breakers.get(&key.integration).copied().unwrap_or_default()
        };
        let counts = limits.filter(|limits| limits.is_shared() == is_shared);
        let none = CallLimits::new();
        let counts = counts.unwrap_or(if self.is_bulkhead(&key) { self.bulkheads.bound() } else { &none });
        let granter = counts.calls_of_day().map(|calls| {
            CallGranter::new((self.store.clone(), self.clock.clone()), calls, self.started_at, &key)
        });
        let gate = DrivenGate::new(counts, policy, (self.started, self.timer.clone()), granter);
        if !is_shared {
            gate.force(self.forced_of(&key));
        }
        self.gated.add(&key.integration);
        table.add(key, gate.clone());
        Some(gate)
    }
}

fn no_room() -> Failure {
    let message =
        "calls of so many tools, hosts and credentials are counted that there is no room for another";
    Failure::new(FailureKind::Unreachable, message)
}

impl GateKey {
    fn of(call: &ToolCall<'_>) -> Self {
        let mut credentials: Vec<Name> = call.secrets.iter().map(|secret| secret.name.clone()).collect();
        credentials.sort_unstable();
        credentials.dedup();
        let tenant = Some(call.tenant.clone());
        Self { integration: call.integration.clone(), tenant, host: call.host.clone(), credentials }
    }

    /// The key under which all tenants are counted together.
    fn shared(&self) -> Self {
        let (integration, host) = (self.integration.clone(), self.host.clone());
        Self { integration, tenant: None, host, credentials: Vec::new() }
    }
}

impl CircuitName {
    fn has(&self, key: &GateKey) -> bool {
        self.integration == key.integration
            && (self.tenant.is_none() || self.tenant == key.tenant)
            && (self.host.is_none() || self.host == key.host)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
