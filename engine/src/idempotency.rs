//! Idempotency: what becomes of a submission under a key. Owns the one question to the registry and to the store, and the
//! verdict that follows from it; never accepts an execution.

use std::sync::Arc;

use updraft_actors::{EngineContext, RegistryEntry};
use updraft_kernel::idempotency::{KeyVerdict, OnReuse};
use updraft_protocol::{IdempotencyKey, InputHash, KeyHolder, Name};

use crate::error::Refusal;
use crate::handle::Handle;
use crate::reservation::Reservation;
use crate::submission::Submission;

/// What becomes of a submission under a key that is not refused.
pub(crate) enum Keyed<'a> {
    /// No execution has the key: this one holds it from now on.
    Reserved(Arc<RegistryEntry>, Reservation<'a>),
    /// An execution has the key, and is the answer.
    First(Handle),
}

/// The key of a submission, with what decides whether the execution that has the key is its answer.
pub(crate) struct SubmissionKey {
    key: IdempotencyKey,
    input_hash: InputHash,
    on_reuse: OnReuse,
}

impl SubmissionKey {
    /// The key of a submission of the playbook with this name; none where it has no key.
    pub(crate) fn of(submission: &Submission, playbook_name: &Name) -> Option<Self> {
        let text = submission.idempotency_key.as_deref()?.into();
        let (tenant_code, playbook_name) = (submission.tenant.clone(), playbook_name.clone());
        let key = IdempotencyKey { tenant_code, playbook_name, text };
        Some(Self { key, input_hash: submission.input_hash(), on_reuse: submission.on_reuse })
    }

    /// Reserves the key for an execution, or gives the one that has it. Submissions under one key come after each other:
    /// the second waits until the first is accepted, and takes its place where the first is given up.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] where the execution that has the key was submitted with another input; what the store says;
    /// why the engine has failed.
    pub(crate) async fn reserve<'a>(
        &self,
        context: &'a Arc<EngineContext>,
        entry: RegistryEntry,
    ) -> Result<Keyed<'a>, Refusal> {
        let entry = Arc::new(entry.under_key(Some(self.key.clone()), Some(self.input_hash)));
        let reservation = loop {
            match Reservation::new(context, entry.clone()) {
                Ok(reservation) => break reservation,
                Err(first) => match first.accepted().await {
                    Ok(()) => {
                        self.judge(first.key_holder())?;
                        return Ok(Keyed::First(Handle::registered(context.clone(), first).of_the_first()));
                    }
                    Err(lost) if context.failed.is_settled() => return Err(lost.into()),
                    Err(_) => tokio::task::yield_now().await,
                },
            }
        };
        let Some(first) = context.store.execution_by_key(&self.key).await? else {
            return Ok(Keyed::Reserved(entry, reservation));
        };
        self.judge(first)?;
        let first = Handle::stored(context.clone(), self.key.tenant_code.clone(), first.peid);
        Ok(Keyed::First(first.of_the_first()))
    }

    fn judge(&self, first: KeyHolder) -> Result<(), Refusal> {
        match self.on_reuse.judge(self.input_hash, first) {
            KeyVerdict::First(_) => Ok(()),
            KeyVerdict::Reused(peid) => Err(Refusal::KeyReused { peid }),
        }
    }
}
