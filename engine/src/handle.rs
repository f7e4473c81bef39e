//! Handles: one execution, to be waited for, looked at, followed, or cancelled. Answers come from the live
//! actor first, so that nobody reads an older status than they were told.

use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_actors::{CancelVerdict, Control, EngineContext, Inspection, Lost, RegistryEntry, abandoned};
use updraft_protocol::{ExecutionDocument, ExecutionId, ExecutionStatus, TenantCode};

use crate::error::ReadError;
use crate::reader::Reader;

/// One execution.
#[derive(Clone)]
pub struct Handle {
    pub(crate) context: Arc<EngineContext>,
    tenant: TenantCode,
    peid: ExecutionId,
    /// None where it had ended before this handle was made.
    pub(crate) entry: Option<Arc<RegistryEntry>>,
    reused: bool,
}

impl Handle {
    pub(crate) fn registered(context: Arc<EngineContext>, entry: Arc<RegistryEntry>) -> Self {
        Self { context, tenant: entry.tenant.clone(), peid: entry.peid, entry: Some(entry), reused: false }
    }

    pub(crate) fn stored(context: Arc<EngineContext>, tenant: TenantCode, peid: ExecutionId) -> Self {
        let entry = context.registry.get(peid).filter(|entry| entry.tenant == tenant);
        Self { context, tenant, peid, entry, reused: false }
    }

    /// The same, as the answer to a submission whose key had this execution before.
    pub(crate) fn of_the_first(self) -> Self {
        Self { reused: true, ..self }
    }

    /// Whether the submission that gave this handle began nothing: its idempotency key had this execution before.
    pub fn reused(&self) -> bool {
        self.reused
    }

    /// Its id.
    pub fn peid(&self) -> ExecutionId {
        self.peid
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantCode {
        &self.tenant
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The engine is shut down or fails first; the execution resumes at the next start.
    pub async fn wait(&self) -> Result<ExecutionDocument, ReadError> {
        match &self.entry {
            Some(entry) => Ok(entry.ended().await.map(|document| ExecutionDocument::clone(&document))?),
            None => self.read_ended().await,
        }
    }

    /// Where it stands.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub async fn status(&self) -> Result<ExecutionStatus, ReadError> {
        if let Some(inspection) = self.ask(Control::Inspect).await? {
            return Ok(inspection.execution.state.execution_status);
        }
        match self.entry.as_ref().and_then(|entry| entry.outcome()) {
            Some(Ok(ended)) => Ok(ended.state.execution_status),
            Some(Err(lost)) => Err(lost.clone().into()),
            None => Ok(self.read_stored().await?.state.execution_status),
        }
    }

    /// The execution and its tasks at one durable moment.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub async fn inspect(&self) -> Result<Inspection, ReadError> {
        if let Some(inspection) = self.ask(Control::Inspect).await? {
            return Ok(inspection);
        }
        if self.entry.is_some() {
            self.context.flush().await?;
        }
        let execution = Arc::new(self.read_stored().await?);
        let tasks = Reader::new(self.context.store.clone()).all_tasks(&self.tenant, self.peid).await?;
        Ok(Inspection { execution, tasks })
    }

    /// Ends it: attempts that run are dropped, nothing more is started. Answers when that is durable.
    ///
    /// # Errors
    /// The engine has failed or is shut down.
    pub async fn cancel(&self) -> Result<CancelVerdict, ReadError> {
        match self.ask(Control::Cancel).await? {
            Some(verdict) => Ok(verdict),
            None => match self.entry.as_ref().and_then(|entry| entry.outcome()) {
                Some(Ok(document)) => Ok(CancelVerdict::AlreadyEnded(document.state.execution_status)),
                Some(Err(lost)) => Err(lost.clone().into()),
                None => Ok(CancelVerdict::AlreadyEnded(self.read_ended().await?.state.execution_status)),
            },
        }
    }

    /// Asks whoever runs it, now or next; none where the execution has ended.
    pub(crate) async fn ask<T>(
        &self,
        control: impl FnOnce(oneshot::Sender<T>) -> Control,
    ) -> Result<Option<T>, Lost> {
        let Some(entry) = &self.entry else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        self.context.router.ask(entry, control(reply)).await;
        match answer.await {
            Ok(answer) => Ok(Some(answer)),
            // Its entry holds what is asked until it has ended.
            Err(_) => entry.ended().await.map(|_| None),
        }
    }

    /// Of an execution that does not live here, the stored end.
    async fn read_ended(&self) -> Result<ExecutionDocument, ReadError> {
        let document = self.read_stored().await?;
        if document.state.execution_status.ended() { Ok(document) } else { Err(Lost::NotHere.into()) }
    }

    async fn read_stored(&self) -> Result<ExecutionDocument, ReadError> {
        let document = self.context.store.execution(&self.tenant, self.peid).await?;
        document.ok_or_else(|| {
            let message = format!("execution {} is not there", self.peid);
            ReadError::Store(updraft_storage::Error::Corrupt(message))
        })
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("tenant", &self.tenant).field("peid", &self.peid).finish()
    }
}

/// Ends an execution, whether it runs here or was left as it was by the start. `turn` is held while an unresumed execution is resumed or cancelled: one at a time.
pub(crate) async fn cancel(
    context: &Arc<EngineContext>,
    turn: &tokio::sync::Mutex<()>,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Option<CancelVerdict>, ReadError> {
    let running = || Handle::stored(context.clone(), tenant.clone(), peid);
    let handle = running();
    if handle.entry.is_some() {
        return handle.cancel().await.map(Some);
    }
    let _turn = turn.lock().await;
    let handle = running();
    if handle.entry.is_some() {
        return handle.cancel().await.map(Some);
    }
    Ok(abandoned::cancel(context, tenant, peid).await?)
}
