//! Idempotency: what the key of a submission says of it. Owns the one way to the execution that has a key, in the live
//! registry and in the store, and the answer that follows from it; never accepts an execution.

use std::sync::Arc;

use updraft_actors::{EngineContext, RegistryEntry};
use updraft_kernel::idempotency::{KeyVerdict, OnReuse};
use updraft_protocol::{IdempotencyKey, InputHash, KeyHolder, Name};

use crate::error::Refusal;
use crate::handle::Handle;
use crate::submission::Submission;
use crate::submit::refused;

/// The key of a submission, with all that decides what becomes of it where the key has an execution.
pub(crate) struct Keyed {
    key: IdempotencyKey,
    input_hash: InputHash,
    on_reuse: OnReuse,
}

impl Keyed {
    /// The key of a submission of the playbook with this name; none where it has no key.
    pub(crate) fn of(submission: &Submission, playbook_name: &Name) -> Option<Self> {
        let text = submission.idempotency_key.as_deref()?.into();
        let (tenant_code, playbook_name) = (submission.tenant.clone(), playbook_name.clone());
        let key = IdempotencyKey { tenant_code, playbook_name, text };
        Some(Self { key, input_hash: submission.input_hash(), on_reuse: submission.on_reuse })
    }

    /// An execution that is about to be accepted, as the holder of the key.
    pub(crate) fn hold(&self, live: RegistryEntry) -> RegistryEntry {
        live.under_key(Some(self.key.clone()), Some(self.input_hash))
    }

    /// The execution that has the key, here or in the store; none where none has it.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] where it was submitted with another input, or what kept it from being asked for.
    pub(crate) async fn first(&self, core: &Arc<EngineContext>) -> Result<Option<Handle>, Refusal> {
        if let Some(live) = core.registry.under_key(&self.key)
            && let Some(first) = self.live(core, live).await?
        {
            return Ok(Some(first));
        }
        self.stored(core).await
    }

    /// The execution of this engine that has the key, once it is accepted; none where it was given up, which leaves the
    /// key to the next.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`], or why the engine has failed.
    pub(crate) async fn live(
        &self,
        core: &Arc<EngineContext>,
        first: Arc<RegistryEntry>,
    ) -> Result<Option<Handle>, Refusal> {
        match first.accepted().await {
            Ok(()) => {
                self.judge(first.key_holder())?;
                Ok(Some(Handle::live(core.clone(), first).of_the_first()))
            }
            Err(lost) if core.failed.is_settled() => Err(refused(lost)),
            Err(_) => Ok(None),
        }
    }

    /// The execution that has the key in the store; none where none has it.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`], or what the store says.
    pub(crate) async fn stored(&self, core: &Arc<EngineContext>) -> Result<Option<Handle>, Refusal> {
        let Some(first) = core.store.execution_by_key(&self.key).await? else { return Ok(None) };
        self.judge(first)?;
        let first = Handle::stored(core.clone(), self.key.tenant_code.clone(), first.peid);
        Ok(Some(first.of_the_first()))
    }

    fn judge(&self, first: KeyHolder) -> Result<(), Refusal> {
        match self.on_reuse.judge(self.input_hash, first) {
            KeyVerdict::First(_) => Ok(()),
            KeyVerdict::Reused(peid) => Err(Refusal::KeyReused { peid }),
        }
    }
}
