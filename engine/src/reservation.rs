//! Reservations: an execution that is registered and that the journal does not have yet. Owns that it is forgotten where its
//! submission is given up before the journal has it; never accepts one.

use std::sync::Arc;

use updraft_actors::{EngineContext, Lost, RegistryEntry};
use updraft_storage::log::{Revocable, Revoke};

/// A registered execution that the journal does not have yet. Dropped, it is forgotten, unless the journal has it by then.
pub(crate) struct Reservation<'a> {
    context: &'a EngineContext,
    /// None once the journal has it.
    entry: Option<Arc<RegistryEntry>>,
    /// The way to revoke its append, once the journal was asked.
    claim: Option<Revocable>,
}

impl<'a> Reservation<'a> {
    /// Registers an execution, unless another has its idempotency key: then that one.
    pub(crate) fn new(
        context: &'a EngineContext,
        entry: Arc<RegistryEntry>,
    ) -> Result<Self, Arc<RegistryEntry>> {
        context.registry.add(entry.clone())?;
        Ok(Self { context, entry: Some(entry), claim: None })
    }

    /// The journal was asked, and its append can be revoked by this.
    pub(crate) fn appending(&mut self, claim: Revocable) {
        self.claim = Some(claim);
    }

    /// The journal has it, or has said that it will not.
    pub(crate) fn keep(mut self) {
        self.entry = None;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        if self.claim.as_ref().is_none_or(|claim| claim.revoke() == Revoke::InTime) {
            self.context.lose(&entry, Lost::ShutDown);
        }
    }
}
