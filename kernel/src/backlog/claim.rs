//! Claims: somebody changes a queued execution, which does not begin meanwhile. Owns who may.

use updraft_protocol::{ExecutionId, TenantCode};

use super::{AdmissionLine, Admitted, Queued, place_of};

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

/// What a claimed execution is when it is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBack {
    /// No longer queued.
    Gone,
    /// Queued at this place, as the store has it, and nothing forbids that it begins.
    At(Queued),
    /// Queued: a read finds it if it may begin.
    Somewhere,
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

    /// Gives a claim back. One whose place is known stands in line at once, before all that come after it: no place is given to
    /// another of its tenant while it is read.
    pub fn give_back(&mut self, tenant: &TenantCode, peid: ExecutionId, given: GivenBack) {
        let weight = self.weight(tenant);
        let is_open = !self.is_closed && !self.paused.contains(tenant);
        let Some(window) = self.tenants.get_mut(tenant) else { return };
        if !window.claimed.remove(&peid) {
            return;
        }
        match given {
            GivenBack::Gone => {
                let before = window.queued;
                window.gone(peid);
                self.queued = self.queued.saturating_sub(before - window.queued);
            }
            GivenBack::Somewhere => window.is_stale = true,
            GivenBack::At(queued) => {
                window.moved(queued);
                if is_open && window.has_place_for(queued) {
                    let entry = Admitted::Begin(queued);
                    let ticket = self.line.push_at(tenant, weight, place_of(queued.position), entry);
                    window.next.insert(queued, ticket);
                }
                if let Some(ticket) = window.beyond() {
                    self.line.remove(&ticket);
                }
            }
        }
        self.look(tenant);
    }
}
