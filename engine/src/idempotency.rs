//! Idempotency keys: looks the key of a submission up in the registry, then in the store, and reserves it, returns the
//! execution that has it, or refuses. Never accepts an execution.

use std::sync::Arc;

use updraft_actors::{EngineContext, RegistryEntry};
use updraft_kernel::idempotency::{KeyVerdict, OnReuse};
use updraft_protocol::{IdempotencyKey, InputHash, KeyHolder, Name};

use crate::error::{ReadError, Refusal};
use crate::handle::Handle;
use crate::reservation::Reservation;
use crate::submission::Submission;

/// The result of reserving an idempotency key.
pub(crate) enum KeyReservation<'a> {
    /// No execution had the key: it is reserved for the new execution.
    Reserved(Arc<RegistryEntry>, Reservation<'a>),
    /// An execution has the key already.
    Existing(Handle),
}

/// The key of a submission, with the input hash and the policy that are compared with the execution that has the key.
pub(crate) struct SubmissionKey {
    key: IdempotencyKey,
    input_hash: InputHash,
    on_reuse: OnReuse,
}

impl SubmissionKey {
    /// The key of a submission of the playbook with this name; `None` if it has no key.
    pub(crate) fn of(submission: &Submission, playbook_name: &Name) -> Option<Self> {
        let text = submission.idempotency_key.as_deref()?.into();
        let (tenant_code, playbook_name) = (submission.tenant.clone(), playbook_name.clone());
        let key = IdempotencyKey { tenant_code, playbook_name, text };
        Some(Self { key, input_hash: submission.input_hash(), on_reuse: submission.on_reuse })
    }

    /// Reserves the key for a new execution, or returns the execution that has it. Concurrent submissions with one key
    /// are serialized: later ones wait until the first is accepted; if it is abandoned, one of them takes the key over.
    /// An execution leaves the registry only when the store has it, so a lookup in the registry and then in the store
    /// misses none.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] if the execution that has the key was submitted with another input; errors of the store;
    /// the failure of the engine.
    pub(crate) async fn reserve<'a>(
        &self,
        context: &'a Arc<EngineContext>,
        entry: RegistryEntry,
    ) -> Result<KeyReservation<'a>, Refusal> {
        let entry = Arc::new(entry.under_key(Some(self.key.clone()), Some(self.input_hash)));
        let reservation = loop {
            match Reservation::new(context, entry.clone()) {
                Ok(reservation) => break reservation,
                Err(first) => match first.accepted().await {
                    Ok(()) => {
                        self.judge(first.key_holder())?;
                        return Ok(KeyReservation::Existing(
                            Handle::registered(context.clone(), first).of_the_first(),
                        ));
                    }
                    Err(lost) if context.failed.is_settled() => return Err(lost.into()),
                    // An abandoned entry wakes the waiting submissions before it is removed from the registry.
                    Err(_) => tokio::task::yield_now().await,
                },
            }
        };
        Ok(match self.stored(context).await? {
            Some(first) => KeyReservation::Existing(first),
            None => KeyReservation::Reserved(entry, reservation),
        })
    }

    /// The execution in the store that has the key.
    ///
    /// # Errors
    /// As [`SubmissionKey::reserve`].
    pub(crate) async fn stored(&self, context: &Arc<EngineContext>) -> Result<Option<Handle>, Refusal> {
        let Some(first) = context.store.execution_by_key(&self.key).await? else { return Ok(None) };
        self.judge(first)?;
        let found = Handle::find(context, &self.key.tenant_code, first.peid).await;
        Ok(found.map_err(ReadError::into_refusal)?.map(Handle::of_the_first))
    }

    fn judge(&self, first: KeyHolder) -> Result<(), Refusal> {
        match self.on_reuse.judge(self.input_hash, first) {
            KeyVerdict::First(_) => Ok(()),
            KeyVerdict::Reused(peid) => Err(Refusal::KeyReused { peid }),
        }
    }
}
