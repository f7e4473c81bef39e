//! The table of gates: which there are, how many a tenant has, and which may be forgotten to make room. Opens none.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use updraft_protocol::TenantCode;
use updraft_protocol::limits::{CALL_GATES, CALL_GATES_OF_TENANT, CALL_GATES_SWEEP};

use super::GateKey;
use super::driven::DrivenGate;

/// Gates by what they count.
#[derive(Default)]
pub(super) struct GateTable {
    /// Those that are not idle, and some that are.
    pub(super) gates: HashMap<GateKey, Arc<DrivenGate>, foldhash::fast::RandomState>,
    /// How many of them a tenant has.
    of_tenants: HashMap<TenantCode, usize>,
    /// When room was last made.
    swept: Option<Instant>,
}

impl GateTable {
    /// Whether there is room for no further gate.
    pub(super) fn is_full(&self, key: &GateKey) -> bool {
        let of_tenant = key.tenant.as_ref().and_then(|tenant| self.of_tenants.get(tenant)).copied();
        self.gates.len() >= CALL_GATES || of_tenant.unwrap_or_default() >= CALL_GATES_OF_TENANT
    }

    pub(super) fn add(&mut self, key: GateKey, gate: Arc<DrivenGate>) {
        if let Some(tenant) = &key.tenant {
            *self.of_tenants.entry(tenant.clone()).or_default() += 1;
        }
        self.gates.insert(key, gate);
    }

    pub(super) fn remove(&mut self, key: &GateKey) -> Option<Arc<DrivenGate>> {
        let gate = self.gates.remove(key)?;
        if let Some(tenant) = &key.tenant
            && let Some(gates) = self.of_tenants.get_mut(tenant)
        {
            *gates -= 1;
            if *gates == 0 {
                self.of_tenants.remove(tenant);
            }
        }
        Some(gate)
    }

    /// Takes out all gates that may be forgotten: whoever waits or has a place holds the gate too. Not more often than calls may
    /// ask for it, each of which would look at all gates.
    pub(super) fn make_room(&mut self) -> Vec<(GateKey, Arc<DrivenGate>)> {
        if self.swept.is_some_and(|swept| swept.elapsed() < CALL_GATES_SWEEP) {
            return Vec::new();
        }
        self.swept = Some(Instant::now());
        let may_go =
            |(_, gate): &(&GateKey, &Arc<DrivenGate>)| Arc::strong_count(gate) == 1 && gate.is_quiet();
        let gone: Vec<GateKey> = self.gates.iter().filter(may_go).map(|(key, _)| key.clone()).collect();
        gone.into_iter().filter_map(|key| Some((key.clone(), self.remove(&key)?))).collect()
    }
}
