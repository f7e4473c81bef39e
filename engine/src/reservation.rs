//! Reservations: an execution that is registered and that the journal does not have yet. Owns that it is forgotten where its
//! submission is given up before the journal has it; never accepts one.

use std::sync::Arc;

use updraft_actors::{EngineContext, Lost, RegistryEntry};
use updraft_storage::log::{Revocable, Revoke};

/// A registered execution that the journal does not have yet. Dropped, it is forgotten, unless the journal has it by then.
pub(crate) struct Reservation<'a> {
    core: &'a EngineContext,
    /// None once the journal has it.
    live: Option<Arc<RegistryEntry>>,
    /// The way to revoke its append, once the journal was asked.
    claim: Option<Revocable>,
}

impl<'a> Reservation<'a> {
    /// Registers an execution, unless another has its idempotency key: then that one.
    pub(crate) fn new(core: &'a EngineContext, live: Arc<RegistryEntry>) -> Result<Self, Arc<RegistryEntry>> {
        core.registry.add(live.clone())?;
        Ok(Self { core, live: Some(live), claim: None })
    }

    /// The journal was asked, and its append can be revoked by this.
    pub(crate) fn appending(&mut self, claim: Revocable) {
        self.claim = Some(claim);
    }

    /// The journal has it, or has said that it will not.
    pub(crate) fn keep(mut self) {
        self.live = None;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else { return };
        if self.claim.as_ref().is_none_or(|claim| claim.revoke() == Revoke::InTime) {
            self.core.lose(&live, Lost::ShutDown);
        }
    }
}
