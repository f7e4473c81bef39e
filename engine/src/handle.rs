//! Handles: one execution, to be waited for, looked at, followed, or cancelled. Answers come from the live
//! actor first, so that nobody reads an older status than they were told.

use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_actors::{CancelVerdict, Control, EngineContext, Inspection, Lost, RegistryEntry};
use updraft_protocol::{ExecutionDocument, ExecutionId, ExecutionStatus, TenantCode};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::reader::Reader;

/// One execution.
#[derive(Clone)]
pub struct Handle {
    pub(crate) core: Arc<EngineContext>,
    tenant: TenantCode,
    peid: ExecutionId,
    /// None where it had ended before this handle was made.
    pub(crate) live: Option<Arc<RegistryEntry>>,
    reused: bool,
}

impl Engine {
    /// The handle of an execution of a tenant, live or ended.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn handle(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<Option<Handle>, ReadError> {
        let handle = Handle::stored(self.core.clone(), tenant.clone(), peid);
        if handle.live.is_some() {
            return Ok(Some(handle));
        }
        Ok(self.core.store.execution(tenant, peid).await?.map(|_| handle))
    }

    /// An execution of a tenant with its tasks, at one durable moment.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Inspection>, ReadError> {
        match self.handle(tenant, peid).await? {
            Some(handle) => Ok(Some(handle.inspect().await?)),
            None => Ok(None),
        }
    }

    /// The handles of the executions that this engine runs at the moment, those it resumed included.
    pub fn unfinished(&self) -> Vec<Handle> {
        let lives = self.core.registry.unfinished(RegistryEntry::is_accepted);
        lives.into_iter().map(|live| Handle::live(self.core.clone(), live)).collect()
    }
}

impl Handle {
    pub(crate) fn live(core: Arc<EngineContext>, live: Arc<RegistryEntry>) -> Self {
        Self { core, tenant: live.tenant.clone(), peid: live.peid, live: Some(live), reused: false }
    }

    pub(crate) fn stored(core: Arc<EngineContext>, tenant: TenantCode, peid: ExecutionId) -> Self {
        let live = core.registry.get(peid).filter(|live| live.tenant == tenant);
        Self { core, tenant, peid, live, reused: false }
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
        match &self.live {
            Some(live) => Ok(live.ended().await.map(|document| ExecutionDocument::clone(&document))?),
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
        match self.live.as_ref().and_then(|live| live.outcome()) {
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
        if self.live.is_some() {
            self.core.flush().await?;
        }
        let execution = Arc::new(self.read_stored().await?);
        let tasks = Reader::new(self.core.store.clone()).all_tasks(&self.tenant, self.peid).await?;
        Ok(Inspection { execution, tasks })
    }

    /// Ends it: attempts that run are dropped, nothing more is started. Answers when that is durable.
    ///
    /// # Errors
    /// The engine has failed or is shut down.
    pub async fn cancel(&self) -> Result<CancelVerdict, ReadError> {
        match self.ask(Control::Cancel).await? {
            Some(verdict) => Ok(verdict),
            None => match self.live.as_ref().and_then(|live| live.outcome()) {
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
        let Some(live) = &self.live else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        self.core.router.ask(live, control(reply)).await;
        match answer.await {
            Ok(answer) => Ok(Some(answer)),
            // Its entry holds what is asked until it has ended.
            Err(_) => live.ended().await.map(|_| None),
        }
    }

    /// Of an execution that does not live here, the stored end.
    async fn read_ended(&self) -> Result<ExecutionDocument, ReadError> {
        let document = self.read_stored().await?;
        if document.state.execution_status.ended() { Ok(document) } else { Err(Lost::NotHere.into()) }
    }

    async fn read_stored(&self) -> Result<ExecutionDocument, ReadError> {
        let document = self.core.store.execution(&self.tenant, self.peid).await?;
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
