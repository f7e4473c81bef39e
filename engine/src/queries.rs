//! Queries: one execution by its id, lists by page and as streams, and the slowest playbooks.
//!
//! An execution asked for by its id answers from its live actor. Lists come from the store and may lag
//! behind by the delay of the write-behind (10 ms while the store keeps up, 30 of what goes on):
//! [`Engine::flush`] first, where that matters.

use futures_util::stream::Stream;
use updraft_actors::{Inspection, RegistryEntry};
use updraft_protocol::limits::FLUSH_STANDSTILL;
use updraft_protocol::{ExecutionDocument, ExecutionId, TaskDocument, TenantCode};
use updraft_storage::store::{Cursor, ExecutionQuery, PlaybookRuntime, SlowestQuery, TaskQuery};

use crate::error::ReadError;
use crate::handle::Handle;
use crate::standstill::Patience;
use crate::start::Engine;

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

    /// One page of a tenant's executions, newest first, and where the next page begins. A page may have fewer rows than
    /// asked for: it ends with the one that makes it [`PAGE_BYTES`](crate::limits::PAGE_BYTES) large.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn executions(
        &self,
        query: ExecutionQuery,
    ) -> Result<(Vec<ExecutionDocument>, Option<Cursor>), ReadError> {
        self.reader().executions(query).await
    }

    /// All executions that a query asks for, newest first, read page by page (`limit` rows at most at a time).
    pub fn executions_stream(
        &self,
        query: ExecutionQuery,
    ) -> impl Stream<Item = Result<ExecutionDocument, ReadError>> + Send + use<> {
        self.reader().executions_stream(query)
    }

    /// The tasks of an execution, in order, after number `after`; `limit` rows at most.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, ReadError> {
        self.reader().tasks(tenant, peid, after, limit).await
    }

    /// One page of what was done for an alert, in the order of the tasks' ids; `limit` counts as 1 at least and as 1,000 at
    /// most. A page may have fewer rows than there are: it ends with the one that makes it
    /// [`PAGE_BYTES`](crate::limits::PAGE_BYTES) large. The list has ended where a page is empty.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, ReadError> {
        self.reader().tasks_of_alert(query).await
    }

    /// The playbooks whose executions took longest on average, with the average and the count.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, ReadError> {
        self.reader().slowest_playbooks(query).await
    }

    /// Waits until everything that is durable at this moment is in the store, for lists that must not lag. A store that is
    /// full or away is waited for, for ten minutes in which it takes nothing.
    ///
    /// # Errors
    /// The engine has failed or is shut down, or [`ReadError::Standstill`] with why the store takes nothing.
    pub async fn flush(&self) -> Result<(), ReadError> {
        let patience = Patience { core: &self.core, trouble: &self.trouble, longest: FLUSH_STANDSTILL };
        Ok(patience.wait(self.core.flush()).await??)
    }
}
