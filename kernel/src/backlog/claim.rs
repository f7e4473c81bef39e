//! Claims: somebody changes a queued execution, which does not begin meanwhile. Owns who may.

use updraft_protocol::{ExecutionId, TenantCode};

use super::{AdmissionLine, Queued};

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// It does not begin until it is given back.
    Claimed,
    /// It begins at this moment, or somebody else has claimed it: whoever asks looks again soon.
    Busy,
    /// None of the tenant's is queued.
    NotQueued,
}

impl<W> AdmissionLine<W> {
    /// Claims a queued execution, for a change of its document. Whoever has claimed one looks whether it is still queued.
    pub fn claim(&mut self, tenant: &TenantCode, peid: ExecutionId) -> Claim {
        if self.beginning.contains(&peid) {
            return Claim::Busy;
        }
        let Some(window) = self.tenants.get_mut(tenant) else { return Claim::NotQueued };
        if !window.claimed.insert(peid) {
            return Claim::Busy;
        }
        let found: Option<Queued> = window.next.keys().find(|queued| queued.peid == peid).copied();
        if let Some(ticket) = found.and_then(|queued| window.next.remove(&queued)) {
            self.line.remove(&ticket);
        }
        Claim::Claimed
    }

    /// Gives a claim back. An execution that is still queued is found again by a read.
    pub fn give_back(&mut self, tenant: &TenantCode, peid: ExecutionId, is_queued: bool) {
        let Some(window) = self.tenants.get_mut(tenant) else { return };
        if !window.claimed.remove(&peid) {
            return;
        }
        if is_queued {
            window.is_stale = true;
        } else {
            let before = window.queued;
            window.gone(peid);
            self.queued = self.queued.saturating_sub(before - window.queued);
        }
        self.look(tenant);
    }
}
