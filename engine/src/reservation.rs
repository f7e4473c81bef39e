//! Reservations: an execution that is registered but not in the journal yet. Makes sure that it is forgotten if its
//! submission is dropped before the journal has it; never accepts one.

use std::sync::Arc;

use updraft_actors::{EngineContext, Lost, RegistryEntry};
use updraft_storage::log::{Revocable, Revoke};

/// A registered execution that the journal does not have yet. Dropped, it is forgotten, unless the journal has it by
/// then.
pub(crate) struct Reservation<'a> {
    context: &'a EngineContext,
    /// `None` once the journal has it.
    entry: Option<Arc<RegistryEntry>>,
    /// Revokes its append, once there is one.
    claim: Option<Revocable>,
}

impl<'a> Reservation<'a> {
    /// Registers an execution; if its idempotency key is taken, returns the execution that has it.
    pub(crate) fn new(
        context: &'a EngineContext,
        entry: Arc<RegistryEntry>,
    ) -> Result<Self, Arc<RegistryEntry>> {
        context.registry.add(entry.clone())?;
        Ok(Self { context, entry: Some(entry), claim: None })
    }

    /// The append was handed to the journal, and can be revoked by `claim`.
    pub(crate) fn appending(&mut self, claim: Revocable) {
        self.claim = Some(claim);
    }

    /// The journal has it, or refuses it.
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
