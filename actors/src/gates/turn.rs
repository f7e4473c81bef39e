//! The turn of a call: at the gate of its tenant, then at the one that all tenants share. Counts nothing.

use std::sync::Arc;

use updraft_kernel::circuit::CallEnd;
use updraft_kernel::shared::gates::GatePermit;
use updraft_protocol::{Failure, Priority, TenantCode};

use super::driven::DrivenGate;

/// A call that waits for its turn.
pub(crate) struct GateTurn {
    own: Arc<DrivenGate>,
    /// Where all tenants share the limits of the tool.
    shared: Option<Arc<DrivenGate>>,
    tenant: TenantCode,
    order: (u32, Priority),
    fails_when_open: bool,
}

/// The permits of a call, until it is over.
pub(crate) struct GatePass {
    // Each is given back while its gate is still there to let the next call pass.
    own: (GatePermit, Arc<DrivenGate>),
    shared: Option<(GatePermit, Arc<DrivenGate>)>,
}

impl GateTurn {
    pub(super) fn new(
        own: Arc<DrivenGate>,
        shared: Option<Arc<DrivenGate>>,
        tenant: TenantCode,
        order: (u32, Priority),
        fails_when_open: bool,
    ) -> Self {
        Self { own, shared, tenant, order, fails_when_open }
    }

    /// Waits until the call may be made. Dropped, it leaves the line.
    ///
    /// # Errors
    /// It is not made for a long time, or it does not wait.
    pub(crate) async fn passed(self) -> Result<GatePass, Failure> {
        let Self { own, shared, tenant, order, fails_when_open } = self;
        loop {
            let permit = own.passed((&tenant, order), fails_when_open).await?;
            let Some(shared) = &shared else { return Ok(GatePass { own: (permit, own), shared: None }) };
            let of_all = shared.passed((&tenant, order), fails_when_open).await?;
            // The tool may have stopped working, or have asked to be left alone, while the call was in the second line.
            if own.is_closed_circuit() || permit.is_probe() {
                return Ok(GatePass { own: (permit, own), shared: Some((of_all, shared.clone())) });
            }
        }
    }
}

impl GatePass {
    /// The gates that it has passed: that of its tenant, and the one that all share.
    pub(super) fn gates(&self) -> (Arc<DrivenGate>, Option<Arc<DrivenGate>>) {
        (self.own.1.clone(), self.shared.as_ref().map(|(_, gate)| gate.clone()))
    }

    /// The call is made: it counts, whatever becomes of it.
    pub(crate) fn made(mut self) -> Self {
        self.own.0.made();
        if let Some((permit, _)) = &mut self.shared {
            permit.made();
        }
        self
    }

    /// The call has ended; returns whether its circuit has opened by that. What its tool asks for counts for all that are counted
    /// together.
    pub(super) fn ended(&self, end: CallEnd) -> bool {
        let (permit, gate) = &self.own;
        let has_opened = gate.ended(Some(permit), end);
        if let (Some((permit, gate)), CallEnd::Asked(_)) = (&self.shared, end) {
            gate.ended(Some(permit), end);
        }
        has_opened
    }
}
