//! The port for executions and their tasks: written in batches, read by id or key, listed for recovery.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use updraft_kernel::writer::WriteOutcome;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    ExecutionDocument, ExecutionId, IdempotencyKey, KeyHolder, TaskDocument, TenantCode, Timestamp, Update,
};

use super::Error;
use crate::page::AllTasks;

/// The end of a page: the sort key of its last row. The next page begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// `createddate` of the last row.
    pub createddate: Timestamp,
    /// Its id.
    pub peid: ExecutionId,
}

/// An execution's stored state.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumable {
    /// Its document.
    pub document: ExecutionDocument,
    /// All of its tasks in order; empty if it has ended.
    pub tasks: Vec<TaskDocument>,
}

/// The error for an execution whose idempotency key belongs to another.
pub(crate) fn key_taken(by: ExecutionId) -> String {
    format!("its idempotency key is that of execution {by}")
}

/// Counts the outcomes of a batch in a store of this name.
pub(crate) fn count_outcomes(store: &'static str, outcomes: &[WriteOutcome]) {
    let of = |wanted: &WriteOutcome| outcomes.iter().filter(|outcome| *outcome == wanted).count() as u64;
    metrics::counter!("updraft_store_rows_written_total", "store" => store)
        .increment(of(&WriteOutcome::Written));
    metrics::counter!("updraft_store_stale_total", "store" => store).increment(of(&WriteOutcome::Stale));
}

/// Executions and their tasks.
///
/// Contract: an update is guarded by its revision, and changes nothing if the document is as new or newer. Updates of
/// one batch are for distinct documents and independent of each other. A batch that fails as a whole may have been
/// written in part and is safe to send again. Callers keep at most one batch in flight per document.
#[async_trait]
pub trait ExecutionStore: Send + Sync + 'static {
    /// Writes a batch; returns one outcome for each update, in order. An update with a head is inserted whole, or
    /// merged into the document if it exists. An update without a head changes an existing document, and is `Poison` if
    /// there is none. An insert of an execution is also `Poison` if another one has its idempotency key, which the
    /// reason names: engines reserve keys before, so this is only a last defence.
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error>;

    /// An execution by its id.
    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error>;

    /// The execution that was submitted under an idempotency key: of that tenant, for a playbook of that name.
    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error>;

    /// The tasks of an execution in order of `task_seq`, after `after`; at most `limit` rows.
    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error>;

    /// All tasks of an execution in order of `task_seq`.
    async fn all_tasks(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<Vec<TaskDocument>, Error> {
        let mut all = AllTasks::default();
        while let Some(after) = all.after() {
            all.add(self.tasks(tenant, peid, after, PAGE_ROWS).await?);
        }
        Ok(all.tasks)
    }

    /// Executions of all tenants that have begun and not ended, newest first, after `after`, each as a
    /// [`Detail::Summary`](super::Detail::Summary): for recovery.
    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error>;

    /// The state of each of these executions for a resume, in the order of the request; `None` if there is no such
    /// execution. One call of the store if possible, whatever their number; otherwise all at once: they are at most
    /// [`REVIVALS_AT_ONCE`](updraft_protocol::limits::REVIVALS_AT_ONCE).
    async fn resumables(&self, of: Vec<(TenantCode, ExecutionId)>) -> Result<Vec<Option<Resumable>>, Error> {
        let each = of.into_iter().map(async |(tenant, peid)| {
            let Some(document) = self.execution(&tenant, peid).await? else { return Ok(None) };
            let ended = document.state.execution_status.ended();
            let tasks = if ended { Vec::new() } else { self.all_tasks(&tenant, peid).await? };
            Ok(Some(Resumable { document, tasks }))
        });
        try_join_all(each).await
    }
}
