//! A reader of the store. Writes nothing, takes no epoch, needs no data directory; works beside the engine that owns
//! the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, Stream};
use updraft_actors::Inspection;
use updraft_kernel::event_positions::EventPositions;
use updraft_protocol::limits::{PAGE_ROWS, SLOW_STORE_CALL};
use updraft_protocol::{
    ContainmentDocument, EventCursor, EventPosition, ExecutionDocument, ExecutionId, Json, PlaybookId,
    TaskDocument, TaskId, TenantCode,
};
use updraft_storage::page;
use updraft_storage::store::{
    ContainmentQuery, Cursor, Detail, ExecutionQuery, Health, Kept, PlaybookRuntime, SlowestQuery, TaskQuery,
};
use updraft_storage::{Store, StoreAddress, TimedStore};

use crate::error::{ReadError, StartError};
use crate::events::{EventPage, page_of};

/// Reads the store. It may lag behind a running engine by the delay of its write-behind.
#[derive(Clone)]
pub struct Reader {
    pub(crate) store: Arc<dyn Store>,
}

impl Reader {
    /// A reader of this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// A reader of the store at this address.
    ///
    /// # Errors
    /// The store is not reached; or it is the embedded one, which only one engine can open.
    pub async fn at(address: &StoreAddress) -> Result<Self, StartError> {
        let store = address.connect(true).await?.ok_or_else(|| {
            let why = "the embedded store is read through an engine, which one process has";
            StartError::Configuration(why.to_owned())
        })?;
        Ok(Self::new(Arc::new(TimedStore::new(store, SLOW_STORE_CALL))))
    }

    /// An execution of a tenant with its tasks, as stored.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Inspection>, ReadError> {
        let Some(execution) = self.store.execution(tenant, peid).await? else { return Ok(None) };
        let tasks = self.all_tasks(tenant, peid).await?;
        Ok(Some(Inspection { execution: Arc::new(execution), tasks, whole: true }))
    }

    /// A playbook version as it was put, by its id.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn definition(&self, tenant: &TenantCode, pid: PlaybookId) -> Result<Option<Json>, ReadError> {
        Ok(self.store.playbook(tenant, pid).await?.map(|document| document.definition))
    }

    /// A page of a tenant's events after a place, as far as the store has noted that it has everything: that is a second
    /// behind what an engine that runs there tells itself ([`Events`](crate::Events)).
    ///
    /// # Errors
    /// The store did not answer, or the cursor is of another store.
    pub async fn events(
        &self,
        tenant: &TenantCode,
        after: EventCursor,
        detail: Detail,
    ) -> Result<EventPage, ReadError> {
        let below = self.told_below().await?;
        let page = page_of(self.store.as_ref(), tenant, (after, below), detail).await?;
        // An engine that starts may write groups again that come before that place.
        Ok(if page.events.is_empty() { EventPage { next: after, ..page } } else { page })
    }

    /// The place after all events that it can tell now: for those who want what happens from now on.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn newest_event(&self) -> Result<EventCursor, ReadError> {
        Ok(EventCursor::at(self.told_below().await?))
    }

    async fn told_below(&self) -> Result<EventPosition, ReadError> {
        Ok(match self.store.kept().await? {
            Kept::New => EventPosition::default(),
            Kept::Nothing => EventPosition::LAST,
            Kept::Bond(bond) => EventPositions::of(bond.generation).below(bond.taken + 1),
        })
    }

    /// One page of a tenant's containments. The next page begins after its last row; an empty one is the end.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn containments(&self, query: ContainmentQuery) -> Result<Vec<ContainmentDocument>, ReadError> {
        Ok(self.store.containments(query).await?)
    }

    /// One page of a tenant's executions, newest first, and where the next page begins. A page may have fewer rows than
    /// requested: it ends with the row that makes it [`PAGE_BYTES`](crate::limits::PAGE_BYTES) large.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn executions(
        &self,
        query: ExecutionQuery,
    ) -> Result<(Vec<ExecutionDocument>, Option<Cursor>), ReadError> {
        let limit = query.limit.clamp(1, PAGE_ROWS);
        let page = self.store.executions(ExecutionQuery { limit, ..query }).await?;
        let last = page.last().filter(|_| page::is_full(&page, limit));
        let next = last.map(|last| Cursor { createddate: last.head.createddate, peid: last.peid });
        Ok((page, next))
    }

    /// All executions of a query, newest first, read page by page (at most `limit` rows at a time).
    pub fn executions_stream(
        &self,
        query: ExecutionQuery,
    ) -> impl Stream<Item = Result<ExecutionDocument, ReadError>> + Send + use<> {
        let reader = self.clone();
        let pages = stream::unfold(Some(query), move |query| {
            let reader = reader.clone();
            async move {
                let query = query?;
                match reader.executions(query.clone()).await {
                    Ok((page, next)) => {
                        let next = next.map(|after| ExecutionQuery { after: Some(after), ..query });
                        Some((page.into_iter().map(Ok).collect::<Vec<_>>(), next))
                    }
                    Err(error) => Some((vec![Err(error)], None)),
                }
            }
        });
        futures_util::StreamExt::flat_map(pages, stream::iter)
    }

    /// The tasks of an execution, in order, after number `after`; at most `limit` rows.
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
        Ok(self.store.tasks(tenant, peid, after, limit.clamp(1, PAGE_ROWS)).await?)
    }

    /// All tasks of an execution, in order.
    pub(crate) async fn all_tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Vec<TaskDocument>, ReadError> {
        Ok(self.store.all_tasks(tenant, peid).await?)
    }

    /// One task of an execution, looked for page by page: an execution may have more than should be held for it.
    pub(crate) async fn task(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
    ) -> Result<Option<TaskDocument>, ReadError> {
        let mut after = 0;
        loop {
            let page = self.tasks(tenant, peid, after, PAGE_ROWS).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = last.head.task_seq;
            if let Some(found) = page.into_iter().find(|found| found.task_request_id == task) {
                return Ok(Some(found));
            }
        }
    }

    /// Adds the tasks that a running execution no longer keeps in memory. They have ended; the newest of them may be
    /// missing for as long as the store lags behind.
    pub(crate) async fn complete(
        &self,
        tenant: &TenantCode,
        inspection: Inspection,
    ) -> Result<Inspection, ReadError> {
        if inspection.whole {
            return Ok(inspection);
        }
        let Inspection { execution, tasks: held, .. } = inspection;
        let stored = self.all_tasks(tenant, execution.peid).await?;
        let mut tasks: BTreeMap<u32, TaskDocument> =
            stored.into_iter().map(|task| (task.head.task_seq, task)).collect();
        tasks.extend(held.into_iter().map(|task| (task.head.task_seq, task)));
        Ok(Inspection { execution, tasks: tasks.into_values().collect(), whole: true })
    }

    /// One page of the tasks for an alert, in the order of their ids; `limit` is bounded to 1 to 1,000. A page may have
    /// fewer rows: it ends with the row that makes it [`PAGE_BYTES`](crate::limits::PAGE_BYTES) large. The list has
    /// ended if a page is empty.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, ReadError> {
        let limit = query.limit.clamp(1, PAGE_ROWS);
        Ok(self.store.tasks_of_alert(TaskQuery { limit, ..query }).await?)
    }

    /// The playbooks whose executions took longest on average, with the average and the count.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, ReadError> {
        let top = query.top.clamp(1, PAGE_ROWS);
        Ok(self.store.slowest_playbooks(SlowestQuery { top, ..query }).await?)
    }

    /// The health of the store.
    pub async fn health(&self) -> Health {
        self.store.health().await
    }
}
