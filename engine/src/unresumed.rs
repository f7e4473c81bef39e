//! Unresumed executions: those that are unfinished in the store and that the start did not resume. Counts them, resumes
//! one, or cancels one without running it. Resumes none by itself.

use std::sync::Arc;

use updraft_actors::{CancelVerdict, EngineContext, Lost, RegistryEntry, queued};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{Asked, ExecutionId, ExecutionStatus, TenantCode};
use updraft_storage::page;
use updraft_storage::store::Cursor;

use crate::engine::Engine;
use crate::error::{ControlError, ReadError, StartError};
use crate::handle::{self, Handle};
use crate::recovery;

impl Engine {
    /// The number of unfinished executions in the store that this engine does not run, over all tenants; the count ends
    /// at `most`. Updates that are not in the store yet are not seen.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn unresumed(&self, most: usize) -> Result<usize, ReadError> {
        let (mut after, mut count) = (None, 0);
        while count < most {
            let page = self.context.store.unfinished(after, PAGE_ROWS).await?;
            count +=
                page.iter().filter(|document| self.context.registry.get(document.peid).is_none()).count();
            match page.last() {
                Some(last) if page::is_full(&page, PAGE_ROWS) => {
                    after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
                }
                _ => break,
            }
        }
        Ok(count.min(most))
    }

    /// Takes up one execution that the start did not resume, and returns its handle; `None` if the tenant has no such
    /// execution. One that runs here, or has ended, stays as it is.
    ///
    /// # Errors
    /// The store did not answer, this version cannot run its playbook, or the engine is shut down.
    pub async fn take_up(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Handle>, StartError> {
        let _turn = self.context.unresumed.lock().await;
        self.context.flush().await?;
        let handle = Handle::stored(self.context.clone(), tenant.clone(), peid);
        if handle.entry.is_some() {
            return Ok(Some(handle));
        }
        let Some(document) = self.context.store.execution(tenant, peid).await? else { return Ok(None) };
        let status = document.state.execution_status;
        if status.ended() {
            return Ok(Some(handle));
        }
        if status == ExecutionStatus::Queued
            && let Some(entry) = queued::entry_of(&self.context, tenant, peid).await?
        {
            return Ok(Some(Handle::registered(self.context.clone(), entry)));
        }
        recovery::can_run(&self.context, &document).await?;
        let entry = recovery::registered(&self.context, &document);
        let (mut registered, told) = {
            // Held until it is registered: a shutdown ends the registered executions, and no others.
            let node = self.node.lock().await;
            let Some(node) = &*node else { return Err(Lost::ShutDown.into()) };
            if let Err(first) = self.context.registry.add(entry.clone()) {
                return Ok(Some(Handle::registered(self.context.clone(), first)));
            }
            let registered = Registered { context: &self.context, entry: Some(entry.clone()) };
            (registered, node.take_up(entry.clone()))
        };
        // A tool may block the shard, even beyond the deadline of a shutdown, which must not be delayed by it.
        tokio::select! {
            () = told => {}
            _ = entry.ended() => {}
        }
        registered.entry = None;
        Ok(Some(Handle::registered(self.context.clone(), entry)))
    }

    /// Cancels an execution, running or unresumed; an unresumed one is not started. Returns when that is durable;
    /// `None` if the tenant has no such execution.
    ///
    /// # Errors
    /// It is not said who asks for it, the store did not answer, or the engine has failed or is shut down.
    pub async fn cancel(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        asked: Asked,
    ) -> Result<Option<CancelVerdict>, ControlError> {
        handle::cancel(&self.context, tenant, peid, asked).await
    }
}

/// A registered execution that its shard does not know yet; dropped, it stays unresumed.
struct Registered<'a> {
    context: &'a EngineContext,
    entry: Option<Arc<RegistryEntry>>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.context.lose(&entry, Lost::NotHere);
        }
    }
}
