//! Admission of one process: the places for executions in flight, and the line for them. Mirrors `actors/src/admission.rs`,
//! `actors/src/quotas.rs` and `actors/src/pauses.rs`; who is next is decided in [`updraft_kernel::backlog`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use updraft_kernel::backlog::{AdmissionLine, Admitted};
use updraft_kernel::fair_queue::QueueTicket;
use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::rate::RateMeter;
use updraft_kernel::shared::permits::{Permit, Permits};
use updraft_protocol::{Asked, ExecutionId, Name, PauseScope, Priority, Quota, TenantCode, Timestamp};

use crate::event::Incarnation;
use crate::registry::SimulatedRegistry;
use crate::scenario::{Flow, MOST_WEIGHT};

/// What waits in memory for a place.
#[derive(Debug, Clone, Copy)]
pub enum Waiter {
    /// The read of a parked execution.
    Load(ExecutionId, Incarnation),
    /// A child that is to start.
    Child(ExecutionId),
}

/// A read of the queued executions of a tenant.
#[derive(Debug, Clone)]
pub struct QueueRead {
    /// The tenant.
    pub tenant: TenantCode,
    /// The most rows.
    pub limit: usize,
    /// What the store must have before.
    pub newest: u64,
    /// Whether it is on its way to the store.
    pub is_sent: bool,
}

/// The places of one process, and what is to have them.
pub struct SimulatedAdmission {
    /// The line.
    pub line: AdmissionLine<Waiter>,
    permits: Permits,
    freed: Arc<Mutex<Vec<TenantCode>>>,
    flow: Flow,
    /// The position in the journal of the newest queued execution.
    pub newest: u64,
    /// The quotas that hold.
    quotas: BTreeMap<TenantCode, Quota>,
    meters: BTreeMap<TenantCode, (Quota, RateMeter)>,
    /// What is paused as a whole.
    pub pauses: BTreeMap<PauseScope, Asked>,
    /// The reads under way.
    pub reads: BTreeMap<u64, QueueRead>,
    /// Executions that have their place and are handed to their shard.
    pub beginning: BTreeMap<ExecutionId, (TenantCode, Permit)>,
    /// How often tenants were passed over since their last turn.
    passed: BTreeMap<TenantCode, u64>,
}

impl SimulatedAdmission {
    /// The places of a process that starts, for these tenants.
    pub fn new(flow: &Flow, tenants: &[TenantCode]) -> Self {
        let freed: Arc<Mutex<Vec<TenantCode>>> = Arc::default();
        let told = freed.clone();
        let hook = Arc::new(move |tenant: &TenantCode| {
            told.lock().unwrap_or_else(PoisonError::into_inner).push(tenant.clone());
        });
        let mut admission = Self {
            line: AdmissionLine::new(flow.backlog),
            permits: Permits::with_release_hook(flow.in_flight, flow.of_tenant, hook),
            freed,
            flow: flow.clone(),
            newest: 0,
            quotas: BTreeMap::new(),
            meters: BTreeMap::new(),
            pauses: BTreeMap::new(),
            reads: BTreeMap::new(),
            beginning: BTreeMap::new(),
            passed: BTreeMap::new(),
        };
        for (tenant, quota) in tenants.iter().zip(&flow.quotas) {
            admission.set_quota(tenant, *quota);
        }
        admission
    }

    /// The quota of a tenant from now on.
    pub fn set_quota(&mut self, tenant: &TenantCode, quota: Quota) {
        self.quotas.insert(tenant.clone(), quota);
        let share = quota.in_flight.map(|share| usize::try_from(share).unwrap_or(usize::MAX));
        self.permits.set_share(tenant, share);
        self.line.set_weight(tenant, quota.weight.unwrap_or(1));
        self.line.readmit(tenant);
    }

    /// What holds for a tenant.
    pub fn quota(&self, tenant: &TenantCode) -> Quota {
        self.quotas.get(tenant).copied().unwrap_or_default()
    }

    /// Counts a submission at this time; whether it is within the rate.
    pub fn submits(&mut self, tenant: &TenantCode, now: u64) -> bool {
        let quota = self.quota(tenant);
        let Some(rate) = quota.submissions.and_then(|submissions| submissions.rate()) else { return true };
        let (now, new) = (Duration::from_micros(now), (quota, RateMeter::new(rate)));
        let (of, meter) = self.meters.entry(tenant.clone()).or_insert(new);
        if *of != quota {
            (*of, *meter) = new;
        }
        if meter.earliest() > now {
            return false;
        }
        meter.take(now);
        true
    }

    /// Whether nothing of a playbook of a tenant begins; who has paused it.
    pub fn holds(&self, tenant: &TenantCode, playbook: &Name) -> Option<Asked> {
        let of = |playbook| PauseScope { tenant: tenant.clone(), playbook };
        let paused = self.pauses.get(&of(None)).or_else(|| self.pauses.get(&of(Some(playbook.clone()))));
        paused.cloned()
    }

    /// The playbooks of a tenant that are paused.
    pub fn paused_playbooks(&self, tenant: &TenantCode) -> Vec<Name> {
        let own = self.pauses.keys().filter(|scope| scope.tenant == *tenant);
        own.filter_map(|scope| scope.playbook.clone()).collect()
    }

    /// A scope is paused from now on, or no longer.
    pub fn pause(&mut self, scope: &PauseScope, asked: Option<Asked>) {
        let is_paused = asked.is_some();
        match asked {
            Some(asked) => drop(self.pauses.insert(scope.clone(), asked)),
            None => drop(self.pauses.remove(scope)),
        }
        match scope.playbook {
            None => self.line.pause(&scope.tenant, is_paused),
            Some(_) => self.line.refresh(&scope.tenant),
        }
    }

    /// A place for what comes now, if one is free and nothing of its tenant waits for it.
    pub fn try_acquire(&self, tenant: &TenantCode) -> Option<Permit> {
        self.line.try_acquire(&self.permits, tenant).granted()
    }

    /// Stands in line.
    pub fn wait(
        &mut self,
        tenant: &TenantCode,
        priority: Priority,
        waiter: Waiter,
        now: Timestamp,
    ) -> QueueTicket {
        self.line.wait(tenant, priority, waiter, now)
    }

    /// The next that has a place; tenants whose places were given back have turns again.
    pub fn admit(&mut self) -> Result<Option<(TenantCode, Admitted<Waiter>, Permit)>, Violation> {
        for tenant in std::mem::take(&mut *self.freed.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.line.readmit(&tenant);
        }
        let stand: Vec<TenantCode> =
            self.quotas.keys().filter(|of| self.may_have_a_turn(of)).cloned().collect();
        let (mut placed, _) = self.line.admit(&self.permits, 1);
        let Some((tenant, admitted, permit)) = placed.pop() else { return Ok(None) };
        self.passed.retain(|of, _| stand.contains(of) && *of != tenant);
        let round = u64::from(MOST_WEIGHT) * (self.quotas.len() as u64).saturating_sub(1);
        for other in stand.into_iter().filter(|of| *of != tenant) {
            let passed = self.passed.entry(other.clone()).or_default();
            *passed += 1;
            invariant::waits_for_a_round(&other, *passed, round)?;
        }
        Ok(Some((tenant, admitted, permit)))
    }

    fn may_have_a_turn(&self, tenant: &TenantCode) -> bool {
        self.line.stands(tenant) && !self.permits.has_share(tenant) && self.permits.has_room()
    }

    /// A place was given to a tenant: it has no more than it may.
    pub fn fits(&self, tenant: &TenantCode, registry: &SimulatedRegistry) -> Result<(), Violation> {
        let mut holders: BTreeMap<TenantCode, usize> = BTreeMap::new();
        let beginning = self.beginning.values().map(|(_, permit)| permit);
        for permit in registry.permits().chain(beginning) {
            *holders.entry(permit.tenant().clone()).or_default() += 1;
        }
        let share = self.quota(tenant).in_flight.map(|share| usize::try_from(share).unwrap_or(usize::MAX));
        let share = (share.unwrap_or(self.flow.of_tenant), self.flow.in_flight);
        invariant::within_its_share(tenant, &holders, share)
    }

    /// Whether nothing waits, and nobody has a place.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
            && self.line.tenants().count() == 0
            && self.permits.in_use() == 0
            && self.reads.is_empty()
            && self.beginning.is_empty()
    }
}
