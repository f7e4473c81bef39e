//! Places: who of the line gets those that are free. Owns that nothing overtakes what of its tenant waits; counts no places itself.

use updraft_protocol::TenantCode;

use super::{AdmissionLine, Admitted};
use crate::shared::permits::{Acquire, Permit, Permits};

/// What has a place from now on.
pub type Placed<W> = (TenantCode, Admitted<W>, Permit);

impl<W> AdmissionLine<W> {
    /// A place for what comes now, if one is free and nothing of its tenant waits for it.
    pub fn try_acquire(&self, permits: &Permits, tenant: &TenantCode) -> Acquire {
        if !self.is_waiting(tenant) {
            return permits.try_acquire(tenant);
        }
        if permits.has_share(tenant) { Acquire::TenantFull } else { Acquire::EngineFull }
    }

    /// Gives places to what is next, at most so many; whether there may be more. An execution that begins is
    /// [begun](Self::begun) afterwards. `permits` must not call back into this line while it gives a place.
    pub fn admit(&mut self, permits: &Permits, most: usize) -> (Vec<Placed<W>>, bool) {
        let mut placed = Vec::new();
        while placed.len() < most && permits.has_room() {
            let mut permit = None;
            let may = |tenant: &TenantCode| {
                permit = permits.try_acquire(tenant).granted();
                permit.is_some()
            };
            let Some(((tenant, admitted), permit)) = self.next(may).zip(permit) else { break };
            placed.push((tenant, admitted, permit));
        }
        let is_more = placed.len() == most;
        (placed, is_more)
    }

    /// Whether something of a tenant stands in line, and is not just to be read.
    pub fn stands(&self, tenant: &TenantCode) -> bool {
        self.line.waiting_of(tenant) > 0
    }
}
