//! Unresumed executions: those that are unfinished in the store and that the start left as they were. Owns the ways to count
//! them, to resume one, and to cancel one without running it. Resumes none by itself.

use std::sync::Arc;

use updraft_actors::{CancelVerdict, EngineContext, Lost, RegistryEntry};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionId, TenantCode};
use updraft_storage::page;
use updraft_storage::store::Cursor;

use crate::engine::Engine;
use crate::error::{ReadError, StartError};
use crate::handle::{self, Handle};
use crate::recovery;

impl Engine {
    /// How many unfinished executions of the store this engine does not run, those of every tenant together; no more
    /// than `most` are counted. What is not in the store yet is not seen.
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

    /// Resumes one execution that the start left as it was, and gives its handle; none where the tenant has no such
    /// execution. One that runs here, or has ended, stays as it is.
    ///
    /// # Errors
    /// The store did not answer, this version cannot run its playbook, or the engine is shut down.
    pub async fn resume(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<Option<Handle>, StartError> {
        let _turn = self.unresumed.lock().await;
        self.context.flush().await?;
        let handle = Handle::stored(self.context.clone(), tenant.clone(), peid);
        if handle.entry.is_some() {
            return Ok(Some(handle));
        }
        let Some(document) = self.context.store.execution(tenant, peid).await? else { return Ok(None) };
        if document.state.execution_status.ended() {
            return Ok(Some(handle));
        }
        recovery::can_run(&self.context, &document).await?;
        let entry = recovery::registered(&self.context, &document);
        let (mut registered, told) = {
            // Held until it is registered: a shutdown tells the end of all that are, and of no other.
            let node = self.node.lock().await;
            let Some(node) = &*node else { return Err(Lost::ShutDown.into()) };
            if let Err(first) = self.context.registry.add(entry.clone()) {
                return Ok(Some(Handle::registered(self.context.clone(), first)));
            }
            let registered = Registered { context: &self.context, entry: Some(entry.clone()) };
            (registered, node.take_up(entry.clone()))
        };
        // A tool may block the shard, beyond the deadline of a shutdown too, which is not held up by that.
        tokio::select! {
            () = told => {}
            _ = entry.ended() => {}
        }
        registered.entry = None;
        Ok(Some(Handle::registered(self.context.clone(), entry)))
    }

    /// Ends an execution, whether it runs here or was left as it was by the start: nothing of it is begun. Answers when
    /// that is durable; none where the tenant has no such execution.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed or is shut down.
    pub async fn cancel(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<CancelVerdict>, ReadError> {
        handle::cancel(&self.context, &self.unresumed, tenant, peid).await
    }
}

/// An execution that is registered, and of which its shard has not heard yet; dropped, it is left as it was.
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
