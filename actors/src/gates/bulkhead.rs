//! Bulkheads: the bound of calls at once that a tool has for which nothing is declared, so that one that hangs takes no more than
//! its share. A tool has the gate of it from its first call on that is not answered at once; one that always answers at once has
//! none. Decides nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use updraft_protocol::{CallLimits, Name, Priority, TenantCode};

use super::driven::DrivenGate;
use super::turn::Second;
use super::{GateKey, GatePass, GateTurn, Gates, ToolCall, lock};

/// The tools that have the bound, and the bound.
#[derive(Default)]
pub(super) struct Bulkheads {
    tools: BTreeSet<Name>,
    bound: CallLimits,
}

impl Bulkheads {
    pub(super) fn bound(&self) -> &CallLimits {
        &self.bound
    }
}

impl Gates {
    /// The same, with a bound of calls at once for each of these tools, which all tenants share.
    #[must_use]
    pub fn with_bulkheads(self, tools: BTreeSet<Name>, bound: CallLimits) -> Self {
        Self { bulkheads: Bulkheads { tools, bound }, ..self }
    }

    /// The gate of a tool that has the bound, once there is one.
    pub(super) fn bulkhead(&self, integration: &Name) -> Option<Arc<DrivenGate>> {
        if !self.bulkheads.tools.contains(integration) {
            return None;
        }
        lock(&self.table).gates.get(&GateKey::of_bulkhead(integration)).cloned()
    }

    pub(super) fn is_bulkhead(&self, key: &GateKey) -> bool {
        key.tenant.is_none() && key.host.is_none() && self.bulkheads.tools.contains(&key.integration)
    }

    /// The turn of a call that is about to be made though it has passed no gate: its tool has not had one when the call was
    /// decided on. `None` if it has none still.
    pub(crate) fn late_turn(&self, call: &ToolCall<'_>) -> Option<GateTurn> {
        let gate = self.gated.has(call.integration).then(|| self.bulkhead(call.integration))??;
        Some(GateTurn::new((None, Second::Bulkhead(gate)), call.tenant.clone(), call.order, false))
    }

    /// The place of a call that was made, and is not answered at once. From then on calls of its tool stand in line. `None` if its
    /// tool has no such bound, or others have taken all places meanwhile.
    pub(super) fn late_pass(
        &self,
        integration: &Name,
        (tenant, order): (&TenantCode, (u32, Priority)),
    ) -> Option<Box<GatePass>> {
        if !self.bulkheads.tools.contains(integration) {
            return None;
        }
        let gate = self.made(GateKey::of_bulkhead(integration))?;
        GateTurn::new((None, Second::Bulkhead(gate)), tenant.clone(), order, false).try_pass().ok()
    }
}

impl GateKey {
    fn of_bulkhead(integration: &Name) -> Self {
        Self { integration: integration.clone(), tenant: None, host: None, credentials: Vec::new() }
    }
}
