//! Handles: to wait for one execution, inspect, follow or cancel it. The actor is asked before the store, so that no
//! caller reads an older status than it has seen before.

use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_actors::{
    CancelVerdict, Control, EngineContext, Inspection, Lost, RegistryEntry, abandoned, queued,
};
use updraft_kernel::machine::{MachineEvent, RunningLoop, late_answer};
use updraft_protocol::limits::LATE_ANSWER_STORED;
use updraft_protocol::{
    Applied, ApprovalAnswer, Asked, ControlRefusal, ExecutionDocument, ExecutionId, ExecutionStatus,
    Priority, Signal, TaskId, TenantCode, Timestamp,
};

use crate::deadline::after;
use crate::error::{ControlError, ReadError};
use crate::reader::Reader;

/// One execution.
#[derive(Clone)]
pub struct Handle {
    pub(crate) context: Arc<EngineContext>,
    tenant: TenantCode,
    peid: ExecutionId,
    /// `None` if it had ended before this handle was made.
    pub(crate) entry: Option<Arc<RegistryEntry>>,
    reused: bool,
    deduplicated: bool,
}

impl Handle {
    pub(crate) fn registered(context: Arc<EngineContext>, entry: Arc<RegistryEntry>) -> Self {
        Self {
            context,
            tenant: entry.tenant.clone(),
            peid: entry.peid,
            entry: Some(entry),
            reused: false,
            deduplicated: false,
        }
    }

    pub(crate) fn stored(context: Arc<EngineContext>, tenant: TenantCode, peid: ExecutionId) -> Self {
        let entry = context.registry.get(peid).filter(|entry| entry.tenant == tenant);
        Self { context, tenant, peid, entry, reused: false, deduplicated: false }
    }

    /// The handle of an execution, running, queued or ended; `None` if the tenant has no such execution.
    pub(crate) async fn find(
        context: &Arc<EngineContext>,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Self>, ReadError> {
        let handle = Self::stored(context.clone(), tenant.clone(), peid);
        if handle.entry.is_some() {
            return Ok(Some(handle));
        }
        let Some(document) = context.store.execution(tenant, peid).await? else { return Ok(None) };
        if document.state.execution_status != ExecutionStatus::Queued {
            return Ok(Some(handle));
        }
        let entry = queued::entry_of(context, tenant, peid).await?;
        Ok(Some(entry.map_or(handle, |entry| Self::registered(context.clone(), entry))))
    }

    /// Its entry, while it is queued.
    fn queued(&self) -> Option<&Arc<RegistryEntry>> {
        self.entry.as_ref().filter(|entry| entry.is_queued() && entry.outcome().is_none())
    }

    /// Whether it is queued: accepted, and waiting for a place among the executions in flight.
    pub fn is_queued(&self) -> bool {
        self.queued().is_some()
    }

    /// The same handle, for a submission whose key already had this execution.
    pub(crate) fn of_the_first(self) -> Self {
        Self { reused: true, ..self }
    }

    /// The same handle, for a submission for whose alert there was this execution.
    pub(crate) fn of_the_same_alert(self) -> Self {
        Self { deduplicated: true, ..self }
    }

    /// Whether the submission started nothing, since the playbook was executed for its alert within the time of
    /// [`Submission::deduplicate`](crate::Submission::deduplicate).
    pub fn deduplicated(&self) -> bool {
        self.deduplicated
    }

    /// Whether the submission started nothing, since its idempotency key already had this execution.
    pub fn reused(&self) -> bool {
        self.reused
    }

    /// Its id.
    pub fn peid(&self) -> ExecutionId {
        self.peid
    }

    /// Its tenant.
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

    /// Its status.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub async fn status(&self) -> Result<ExecutionStatus, ReadError> {
        if self.is_queued() {
            return Ok(ExecutionStatus::Queued);
        }
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
        if !self.is_queued()
            && let Some(inspection) = self.ask(Control::Inspect).await?
        {
            return self.complete(inspection).await;
        }
        if self.entry.is_some() {
            self.context.flush().await?;
        }
        let execution = Arc::new(self.read_stored().await?);
        let tasks = Reader::new(self.context.store.clone()).all_tasks(&self.tenant, self.peid).await?;
        Ok(Inspection { execution, tasks, whole: true })
    }

    /// How far its running loops have come, the oldest first; none once it has ended. Reads no task of an item or round.
    ///
    /// # Errors
    /// The engine has failed or is shut down.
    pub async fn loops(&self) -> Result<Vec<RunningLoop>, ReadError> {
        if self.is_queued() {
            return Ok(Vec::new());
        }
        Ok(self.ask(Control::Loops).await?.unwrap_or_default())
    }

    /// Adds the tasks that the running execution no longer keeps in memory.
    pub(crate) async fn complete(&self, inspection: Inspection) -> Result<Inspection, ReadError> {
        Reader::new(self.context.store.clone()).complete(&self.tenant, inspection).await
    }

    /// Cancels it: running attempts are dropped, nothing more is started. Returns when that is durable.
    ///
    /// # Errors
    /// It is not said who asks for it, or the engine has failed or is shut down.
    pub async fn cancel(&self, asked: Asked) -> Result<CancelVerdict, ControlError> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker.into());
        }
        if let Some(entry) = self.queued()
            && let Some(verdict) =
                queued::cancel(&self.context, entry, Some(asked.clone())).await.map_err(ReadError::from)?
        {
            return Ok(verdict);
        }
        match self.ask(|reply| Control::Cancel(Some(asked), reply)).await? {
            Some(verdict) => Ok(verdict),
            None => Ok(CancelVerdict::AlreadyEnded(self.end().await?)),
        }
    }

    /// Gives it a signal: a step that waits for it takes it, else it is kept until one does. Returns when that is
    /// durable. The same id has no effect a second time. The history of the execution tells who gave it, and why.
    ///
    /// # Errors
    /// The signal is refused, it is not said who gives it, or the engine has failed or is shut down.
    pub async fn signal(&self, signal: Signal, asked: Asked) -> Result<Applied, ControlError> {
        let id = signal.id.clone();
        let applied = self.apply(MachineEvent::Signal(signal, asked)).await;
        if !matches!(applied, Err(ControlError::Refused(ControlRefusal::Ended(_)))) {
            return applied;
        }
        // A sender that was not told of the first time gives it again, perhaps after the end.
        let ended = self.ended().await?;
        let is_known = ended.state.signals.as_ref().is_some_and(|signals| signals.knows(&id));
        if is_known { Ok(Applied::Repeated) } else { applied }
    }

    /// Answers an approval, which the id of its task names, for a person. Returns when that is durable. The same answer
    /// has no effect a second time.
    ///
    /// # Errors
    /// The answer is refused, or the engine has failed or is shut down.
    pub async fn answer(&self, task: TaskId, answer: ApprovalAnswer) -> Result<Applied, ControlError> {
        let applied = self.apply(MachineEvent::Answer { task, answer: answer.clone() }).await;
        let may_be_late = |refusal: &ControlRefusal| {
            matches!(refusal, ControlRefusal::NoApproval(_) | ControlRefusal::Ended(_))
        };
        if !matches!(&applied, Err(ControlError::Refused(refusal)) if may_be_late(refusal)) {
            return applied;
        }
        // An approval of an ended item of a loop, or of an ended execution, is in the store alone, as soon as that has what is
        // known. Where it lags or is away, the refusal stands.
        let _ = self.context.timer.until(after(LATE_ANSWER_STORED), self.context.flush()).await;
        let Ok(stored) = Reader::new(self.context.store.clone()).task(&self.tenant, self.peid, task).await
        else {
            return applied;
        };
        match stored.map(|task| task.state).and_then(|state| late_answer(&state, &answer)) {
            Some(reply) => Ok(reply?),
            None => applied,
        }
    }

    /// Pauses it: what runs may end, nothing begins until it is resumed. Returns when that is durable. A second pause has
    /// no effect.
    ///
    /// # Errors
    /// It has ended, or the engine has failed or is shut down.
    pub async fn pause(&self, asked: Asked) -> Result<Applied, ControlError> {
        self.apply(MachineEvent::Pause(asked)).await
    }

    /// Lets it go on after a pause. Returns when that is durable.
    ///
    /// # Errors
    /// It is not paused or has ended, or the engine has failed or is shut down.
    pub async fn resume(&self, asked: Asked) -> Result<Applied, ControlError> {
        self.apply(MachineEvent::Resume(asked)).await
    }

    /// Ends the wait of one of its tasks before its time: a delay or a wait for a signal goes on, an attempt or a round that
    /// waits is made, an approval fails as `skipped`, for which the person needs the right `operate`. Returns when that is
    /// durable.
    ///
    /// # Errors
    /// The task waits for nothing that can be skipped, or the engine has failed or is shut down.
    pub async fn skip(&self, task: TaskId, asked: Asked, may_operate: bool) -> Result<Applied, ControlError> {
        self.apply(MachineEvent::Skip { task, asked, may_operate }).await
    }

    /// Changes when the wait of one of its tasks ends: of a `delay`, a `wait_until`, a `wait_for` or an approval. Returns when
    /// that is durable. The same instant again has no effect.
    ///
    /// # Errors
    /// The task waits for nothing of which the end can be changed, the instant has passed or is too far away, or the engine
    /// has failed or is shut down.
    pub async fn extend_wait(
        &self,
        task: TaskId,
        until: Timestamp,
        asked: Asked,
    ) -> Result<Applied, ControlError> {
        self.apply(MachineEvent::ExtendWait { task, until, asked }).await
    }

    /// Gives it another priority while it is queued: it stands where it would, had it been submitted with that. Its calls have it
    /// too when it runs. Returns when that is durable. The same priority again has no effect.
    ///
    /// # Errors
    /// It is not queued, it is not said who asks for it, or the engine has failed or is shut down.
    pub async fn reprioritise(&self, priority: Priority, asked: Asked) -> Result<Applied, ControlError> {
        if !asked.is_sound() {
            return Err(ControlRefusal::NotAsker.into());
        }
        let at_rest = || {
            let is_at_rest = self.entry.is_none() && !self.context.admission.queues();
            is_at_rest.then(|| queued::entry_at_rest(&self.tenant, self.peid))
        };
        if let Some(entry) = self.queued().cloned().or_else(at_rest) {
            let asked = (priority, asked);
            let applied =
                queued::reprioritise(&self.context, &entry, asked).await.map_err(ReadError::from)?;
            if let Some(applied) = applied {
                return Ok(applied);
            }
        }
        Err(ControlRefusal::NotQueued(self.status().await?).into())
    }

    async fn apply(&self, event: MachineEvent) -> Result<Applied, ControlError> {
        if let Some(entry) = self.queued() {
            let applied =
                queued::apply(&self.context, entry, event.clone()).await.map_err(ReadError::from)?;
            if let Some(reply) = applied {
                return Ok(reply?);
            }
        }
        match self.ask(|reply| Control::Apply(event, reply)).await? {
            Some(reply) => Ok(reply?),
            None => Err(ControlRefusal::Ended(self.end().await?).into()),
        }
    }

    /// The status with which it has ended.
    async fn end(&self) -> Result<ExecutionStatus, ReadError> {
        Ok(self.ended().await?.state.execution_status)
    }

    /// Its document, once it has ended.
    async fn ended(&self) -> Result<Arc<ExecutionDocument>, ReadError> {
        match self.entry.as_ref().and_then(|entry| entry.outcome()) {
            Some(Ok(document)) => Ok(document.clone()),
            Some(Err(lost)) => Err(lost.clone().into()),
            None => Ok(Arc::new(self.read_ended().await?)),
        }
    }

    /// Sends a control to its actor, or to the next one; `None` if the execution has ended.
    pub(crate) async fn ask<T>(
        &self,
        control: impl FnOnce(oneshot::Sender<T>) -> Control,
    ) -> Result<Option<T>, Lost> {
        let Some(entry) = &self.entry else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        self.context.router.ask(entry, control(reply)).await;
        match answer.await {
            Ok(answer) => Ok(Some(answer)),
            // Its entry holds the control until it has ended.
            Err(_) => entry.ended().await.map(|_| None),
        }
    }

    /// The stored end of an execution that is not in memory.
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

/// Cancels an execution, running or unresumed.
pub(crate) async fn cancel(
    context: &Arc<EngineContext>,
    tenant: &TenantCode,
    peid: ExecutionId,
    asked: Asked,
) -> Result<Option<CancelVerdict>, ControlError> {
    let running = || Handle::stored(context.clone(), tenant.clone(), peid);
    let handle = running();
    if handle.entry.is_some() {
        return handle.cancel(asked).await.map(Some);
    }
    if !asked.is_sound() {
        return Err(ControlRefusal::NotAsker.into());
    }
    if let Some(entry) = queued::entry_of(context, tenant, peid).await.map_err(ReadError::from)? {
        return Handle::registered(context.clone(), entry).cancel(asked).await.map(Some);
    }
    let _turn = context.unresumed.lock().await;
    let handle = running();
    if handle.entry.is_some() {
        return handle.cancel(asked).await.map(Some);
    }
    Ok(abandoned::cancel(context, tenant, peid, Some(asked)).await.map_err(ReadError::from)?)
}
