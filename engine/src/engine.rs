//! The engine, as the embedding application holds it: the struct, the result of the start, and the ways to inspect it.
//! Starts, stops and submits nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use updraft_actors::{EngineContext, Inspection, Node, RegistryEntry};
use updraft_kernel::shared::drain::DrainGate;
use updraft_protocol::limits::FLUSH_STANDSTILL;
use updraft_protocol::{
    Applied, ApprovalAnswer, Asked, ExecutionId, Priority, Signal, TaskId, TenantCode, Timestamp,
};
use updraft_storage::sqlite::SqliteStore;

use crate::containments::ReconcilerThread;
use crate::dashboard::Dashboard;
use crate::deduplication::Alerts;
use crate::error::{ControlError, ReadError};
use crate::handle::Handle;
use crate::health::{self, EngineHealth};
#[cfg(unix)]
use crate::local::LocalServer;
use crate::ownership::Ownership;
use crate::publications::PublicationChanges;
use crate::reader::Reader;
use crate::recovery::Recovered;
use crate::rerun::Rerunning;
use crate::standstill::StoreWait;
use crate::store_watch::StoreWatch;
use crate::triggers::{TriggerChanges, TriggerThread};
use crate::watchdog::Watchdog;
use crate::why::Explanation;

/// An execution engine. `Send + Sync`; works in any tokio runtime, beside other engines of the process.
pub struct Engine {
    pub(crate) context: Arc<EngineContext>,
    /// Taken by the shutdown.
    pub(crate) node: tokio::sync::Mutex<Option<Node>>,
    /// The way in for submissions, which the engine's own work shares.
    pub(crate) submitter: Arc<Submitter>,
    /// Notified when the gate is closed and no submission is under way.
    pub(crate) emptied: Arc<Notify>,
    /// The store, if the engine opened it itself: its directory must be free after the shutdown.
    pub(crate) embedded: Mutex<Option<Arc<SqliteStore>>>,
    /// The lease of a store that other machines can reach.
    pub(crate) ownership: Option<Ownership>,
    /// The thread of the reconciler of containments; taken by the shutdown.
    pub(crate) reconciler: Mutex<Option<ReconcilerThread>>,
    /// The watchdog; taken by the shutdown.
    pub(crate) watchdog: Mutex<Option<Watchdog>>,
    /// The thread that fires triggers, if it is configured to; taken by the shutdown.
    pub(crate) triggers: Mutex<Option<TriggerThread>>,
    /// The server of the local socket, if there is a data directory; taken by the shutdown.
    #[cfg(unix)]
    pub(crate) local: Mutex<Option<LocalServer>>,
    /// The lists that a console asks for.
    pub(crate) dashboard: Dashboard,
    /// What is seen of the writing to the store.
    pub(crate) writing: StoreWatch,
    pub(crate) recovered: Recovered,
    /// The executions that the start resumed, until they are taken.
    pub(crate) resumed: Mutex<Vec<Arc<RegistryEntry>>>,
}

/// The way in for submissions.
pub(crate) struct Submitter {
    pub(crate) context: Arc<EngineContext>,
    /// Closed when the engine shuts down; submissions pass through it.
    pub(crate) gate: DrainGate,
    /// Notified when the gate is closed: submissions that wait for a permit are refused.
    pub(crate) closing: Notify,
    pub(crate) submit_timeout: Duration,
    /// Held while an execution is run again: each rerun is noted in the document of the first, which the next one reads.
    pub(crate) rerunning: Rerunning,
    /// The alerts for which executions are looked for, instead of new ones.
    pub(crate) alerts: Alerts,
    /// The changes of triggers.
    pub(crate) triggers: Arc<TriggerChanges>,
    /// The changes of publications.
    pub(crate) publications: Arc<PublicationChanges>,
}

impl Engine {
    /// The result of the recovery.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The handle of an execution of a tenant, running or ended.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn handle(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<Option<Handle>, ReadError> {
        Handle::find(&self.context, tenant, peid).await
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

    /// Why an execution of a tenant has not ended: what each of its tasks waits for, at one durable moment.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub async fn why(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Explanation>, ReadError> {
        let found = self.execution(tenant, peid).await?;
        Ok(found.map(|inspection| Explanation::of(&inspection, self.context.clock.now())))
    }

    /// Gives an execution a signal; as [`Handle::signal`].
    ///
    /// # Errors
    /// The signal is refused, the tenant has no such execution, or the engine cannot tell.
    pub async fn signal(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        signal: Signal,
        asked: Asked,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.signal(signal, asked).await
    }

    /// Pauses an execution; as [`Handle::pause`].
    ///
    /// # Errors
    /// The execution has ended, the tenant has no such execution, or the engine cannot tell.
    pub async fn pause(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        asked: Asked,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.pause(asked).await
    }

    /// Lets a paused execution go on; as [`Handle::resume`].
    ///
    /// # Errors
    /// The execution is not paused or has ended, the tenant has no such execution, or the engine cannot tell.
    pub async fn resume(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        asked: Asked,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.resume(asked).await
    }

    /// Skips the wait of a task of an execution; as [`Handle::skip`].
    ///
    /// # Errors
    /// The skip is refused, the tenant has no such execution, or the engine cannot tell.
    pub async fn skip(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
        asked: Asked,
        may_operate: bool,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.skip(task, asked, may_operate).await
    }

    /// Changes when the wait of a task of an execution ends; as [`Handle::extend_wait`].
    ///
    /// # Errors
    /// It is refused, the tenant has no such execution, or the engine cannot tell.
    pub async fn extend_wait(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
        until: Timestamp,
        asked: Asked,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.extend_wait(task, until, asked).await
    }

    /// Answers an approval of an execution; as [`Handle::answer`].
    ///
    /// # Errors
    /// The answer is refused, the tenant has no such execution, or the engine cannot tell.
    pub async fn answer(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
        answer: ApprovalAnswer,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.answer(task, answer).await
    }

    /// The handles of the executions that the start resumed, including those that have ended since. They are returned
    /// once.
    pub fn take_resumed(&self) -> Vec<Handle> {
        let entries = std::mem::take(&mut *self.resumed.lock().unwrap_or_else(PoisonError::into_inner));
        entries.into_iter().map(|entry| Handle::registered(self.context.clone(), entry)).collect()
    }

    /// The handles of the executions that this engine runs now, including resumed ones.
    pub fn unfinished(&self) -> Vec<Handle> {
        let runs = |entry: &RegistryEntry| entry.is_accepted() && !entry.is_queued();
        let entries = self.context.registry.unfinished(runs);
        entries.into_iter().map(|entry| Handle::registered(self.context.clone(), entry)).collect()
    }

    /// How many executions are queued: accepted, and waiting for a place among those in flight.
    pub fn queued(&self) -> u64 {
        self.context.admission.queued()
    }

    /// How many executions of each tenant are queued that has some. For operators.
    pub fn queued_by_tenant(&self) -> Vec<(TenantCode, u64)> {
        self.context.admission.queued_by_tenant()
    }

    /// Gives a queued execution another priority; as [`Handle::reprioritise`].
    ///
    /// # Errors
    /// The execution is not queued, the tenant has no such execution, or the engine cannot tell.
    pub async fn reprioritise(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        priority: Priority,
        asked: Asked,
    ) -> Result<Applied, ControlError> {
        let handle = self.handle(tenant, peid).await?.ok_or(ControlError::NoExecution(peid))?;
        handle.reprioritise(priority, asked).await
    }

    /// A reader of the store. It does not see running executions in memory.
    pub fn reader(&self) -> Reader {
        Reader { store: self.context.store.clone() }
    }

    /// The health of the engine and its store. Reads the store, for at most ten seconds; never fails.
    pub async fn health(&self) -> EngineHealth {
        health::of(&self.context, &self.writing, &self.submitter.triggers.failing).await
    }

    /// Waits until everything that is durable now is in the store, for lists that must not lag. Waits for a store that
    /// is full or unreachable until it has taken nothing for ten minutes.
    ///
    /// # Errors
    /// The engine has failed or is shut down, or [`ReadError::Standstill`] with the reason why the store takes nothing.
    pub async fn flush(&self) -> Result<(), ReadError> {
        let trouble = &self.writing.trouble;
        let wait = StoreWait { context: &self.context, trouble, longest: FLUSH_STANDSTILL };
        Ok(wait.within(self.context.flush()).await??)
    }
}
