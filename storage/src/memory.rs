//! The store in memory: for tests of embedding applications, and for measuring the engine without a disk. It ends with
//! the process. Keeps the contract of every store; decides nothing.

mod books;
mod containments;
mod event;
mod nowhere;
mod overdue;
mod queue;
mod settings;
mod table;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use updraft_kernel::batch_limit::BatchLimit;
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::limits::MEMORY_DOCUMENTS;
use updraft_protocol::{
    AuditRecord, ContainmentDocument, ContainmentId, DeadLetter, ExecutionDocument, ExecutionId,
    IdempotencyKey, KeyHolder, Name, PlaybookDocument, PlaybookId, PlaybookStatus, Setting, SettingKind,
    TaskDocument, TenantCode, Timestamp, Update,
};
use uuid::Uuid;

use crate::store::{
    AuditQuery, AuditStore, BondStore, ContainmentQuery, ContainmentStore, Cursor, DeadLetterStore,
    EpochStore, Error, ExecutionQuery, ExecutionStore, InboxQuery, OverdueTasksQuery, OwnerStore,
    PlaybookRuntime, PlaybookStore, PutOutcome, QueryStore, SettingStore, SlowestQuery, Store, TaskQuery,
    WriteOutcome, count_outcomes,
};
use books::Books;
use containments::Containments;
pub use nowhere::Nowhere;
use settings::Settings;
use table::Table;

/// A store in the memory of this process. Full at [`MEMORY_DOCUMENTS`].
pub struct MemoryStore {
    /// Locked for a batch or a query, never during a wait.
    table: Mutex<Table>,
    books: Mutex<Books>,
    containments: Mutex<Containments>,
    settings: Mutex<Settings>,
    /// The number of documents at which it is full.
    most: usize,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::keeping(MEMORY_DOCUMENTS)
    }

    /// An empty store that is full with so many documents.
    fn keeping(most: usize) -> Self {
        Self {
            table: Mutex::default(),
            books: Mutex::default(),
            containments: Mutex::default(),
            settings: Mutex::default(),
            most,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Containments> {
        self.containments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ExecutionStore for MemoryStore {
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error> {
        metrics::counter!("updraft_store_round_trips_total", "store" => "memory").increment(1);
        let mut table = self.table();
        let room = self.most.saturating_sub(table.documents());
        if batch.len() > room && batch.iter().filter(|update| !table.has(update)).count() > room {
            return Err(Error::Full(format!("it keeps {} documents", self.most)));
        }
        let outcomes: Vec<WriteOutcome> = batch.into_iter().map(|update| table.apply(update)).collect();
        drop(table);
        count_outcomes("memory", &outcomes);
        Ok(outcomes)
    }

    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error> {
        Ok(self.table().execution(tenant, peid))
    }

    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error> {
        Ok(self.table().by_key(key))
    }

    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        Ok(self.table().tasks(tenant, peid, after, limit))
    }

    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error> {
        Ok(self.table().unfinished(after, limit))
    }
}

#[async_trait]
impl QueryStore for MemoryStore {
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error> {
        Ok(self.table().executions(&query))
    }

    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error> {
        Ok(self.table().tasks_of_alert(&query))
    }

    async fn inbox(&self, query: InboxQuery) -> Result<Vec<TaskDocument>, Error> {
        Ok(self.table().inbox(&query))
    }

    async fn overdue_tasks(&self, query: OverdueTasksQuery) -> Result<Vec<TaskDocument>, Error> {
        Ok(self.table().overdue_tasks(&query))
    }

    async fn runtimes(&self, newest: usize) -> Result<Vec<(PlaybookId, u64)>, Error> {
        Ok(self.table().runtimes(newest))
    }

    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
        let own = query.tenant.as_ref().map(|tenant| self.books().of_tenant(tenant));
        Ok(self.table().slowest(&query, own.as_ref()))
    }
}

#[async_trait]
impl PlaybookStore for MemoryStore {
    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error> {
        self.books().put(playbook)
    }

    async fn playbook(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, Error> {
        Ok(self.books().playbook(tenant, pid))
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error> {
        Ok(self.books().named(tenant, name, version))
    }

    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error> {
        Ok(self.books().catalogue(tenant, status, category_id, after, limit))
    }
}

#[async_trait]
impl ContainmentStore for MemoryStore {
    async fn unregistered_holds(
        &self,
        after: Option<HoldCursor>,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        Ok(self.table().unregistered_holds(after, limit))
    }

    async fn mark_registered(&self, tasks: &[TaskDocument]) -> Result<(), Error> {
        self.table().mark_registered(tasks);
        Ok(())
    }

    async fn put_containment(
        &self,
        containment: ContainmentDocument,
        before: Option<u64>,
    ) -> Result<bool, Error> {
        self.held().put(containment, before)
    }

    async fn containment(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
    ) -> Result<Option<ContainmentDocument>, Error> {
        Ok(self.held().get(tenant, id))
    }

    async fn containments(&self, query: ContainmentQuery) -> Result<Vec<ContainmentDocument>, Error> {
        Ok(self.held().list(&query))
    }

    async fn due_containments(
        &self,
        by: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<ContainmentDocument>, Error> {
        Ok(self.held().due(by, after, limit))
    }
}

#[async_trait]
impl SettingStore for MemoryStore {
    async fn put_setting(&self, setting: Setting, before: Option<u64>) -> Result<bool, Error> {
        self.set().put(setting, before)
    }

    async fn remove_setting(&self, key: &str, before: u64) -> Result<bool, Error> {
        Ok(self.set().remove(key, before))
    }

    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        Ok(self.set().get(key))
    }

    async fn settings(
        &self,
        kind: SettingKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Setting>, Error> {
        Ok(self.set().list(kind, after, limit))
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn add_audit(&self, records: Vec<AuditRecord>) -> Result<(), Error> {
        self.set().add_audit(records)
    }

    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, Error> {
        Ok(self.set().audit(&query))
    }
}

#[async_trait]
impl DeadLetterStore for MemoryStore {
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error> {
        let letters: Vec<DeadLetter> = {
            let table = self.table();
            let owned = |letter: DeadLetter| {
                let tenant_code = letter.tenant_code.clone().or_else(|| table.tenant_of(letter.peid));
                DeadLetter { tenant_code, ..letter }
            };
            letters.into_iter().map(owned).collect()
        };
        self.books().keep_dead_letters(letters)
    }

    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        Ok(self.books().dead_letters(tenant, after, limit))
    }
}

#[async_trait]
impl EpochStore for MemoryStore {
    async fn claim_epochs(&self, shards: &[VirtualShard], _: Uuid, above: u64) -> Result<ShardEpochs, Error> {
        self.books().claim(shards, above)
    }
}

impl BondStore for MemoryStore {}

impl OwnerStore for MemoryStore {}

#[async_trait]
impl Store for MemoryStore {
    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "memory"
    }

    fn batch_limit(&self) -> BatchLimit {
        BatchLimit::EMBEDDED
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
