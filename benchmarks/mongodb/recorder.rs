//! A store around the store: writes down what is written and when it was there. Changes nothing of it, unless it
//! is told to withhold all writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use updraft::{
    BatchLimit, Clock as _, Cursor, DeadLetter, ExecutionDocument, ExecutionId, ExecutionQuery, Health,
    IdempotencyKey, KeyHolder, Name, PlaybookDocument, PlaybookId, PlaybookRuntime, PlaybookStatus,
    PutOutcome, SlowestQuery, Store, StoreError, SystemClock, TaskDocument, TaskQuery, TenantCode, Update,
    WriteOutcome,
};
use updraft_storage::mongo::MongoStore;

/// What it writes down beside times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Every batch.
    Batches,
    /// How old each change was, by the engine's clock, when its write had been confirmed.
    Ages,
    /// Nothing more.
    Nothing,
    /// Nothing is written at all.
    Withhold,
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) batches: Vec<Vec<Update>>,
    /// Milliseconds.
    pub(crate) ages: Vec<u64>,
    /// Milliseconds that each batch took.
    pub(crate) took: Vec<f64>,
    /// Operations.
    pub(crate) operations: usize,
    /// Begin of the first write and end of the last.
    pub(crate) span: Option<(Instant, Instant)>,
}

impl Log {
    /// From the begin of the first write to the end of the last.
    pub(crate) fn writing(&self) -> Duration {
        self.span.map_or(Duration::ZERO, |(began, ended)| ended - began)
    }
}

/// The store around the store.
pub(crate) struct Recorder {
    inner: Arc<MongoStore>,
    keep: Keep,
    log: Mutex<Log>,
}

impl Recorder {
    pub(crate) fn new(inner: Arc<MongoStore>, keep: Keep) -> Self {
        Self { inner, keep, log: Mutex::default() }
    }

    /// What was written since it was last asked.
    pub(crate) fn take(&self) -> Log {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, began: Instant, batch: Vec<Update>, changed: &[u64]) {
        let (ended, now) = (now(), SystemClock.now().0);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.operations += changed.len();
        log.took.push((ended - began).as_secs_f64() * 1e3);
        log.span = Some((log.span.map_or(began, |(first, _)| first.min(began)), ended));
        match self.keep {
            Keep::Batches => log.batches.push(batch),
            Keep::Ages => log.ages.extend(changed.iter().map(|&at| now.saturating_sub(at))),
            Keep::Nothing | Keep::Withhold => {}
        }
    }
}

fn changed_at(update: &Update) -> u64 {
    match update {
        Update::Execution(update) => update.state.updated_date.0,
        Update::Task(update) => update.state.updated_date.0,
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}

#[async_trait]
impl Store for Recorder {
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, StoreError> {
        if self.keep == Keep::Withhold {
            std::future::pending::<()>().await;
        }
        let changed: Vec<u64> = batch.iter().map(changed_at).collect();
        let kept = if self.keep == Keep::Batches { batch.clone() } else { Vec::new() };
        let began = now();
        let outcomes = self.inner.write(batch).await?;
        self.note(began, kept, &changed);
        Ok(outcomes)
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        self.inner.bury(letters).await
    }

    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.inner.dead_letters(tenant, after, limit).await
    }

    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, StoreError> {
        self.inner.put_playbook(playbook).await
    }

    async fn playbook(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, StoreError> {
        self.inner.playbook(tenant, pid).await
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, StoreError> {
        self.inner.playbook_named(tenant, name, version).await
    }

    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, StoreError> {
        self.inner.playbooks(tenant, status, category_id, after, limit).await
    }

    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, StoreError> {
        self.inner.execution(tenant, peid).await
    }

    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, StoreError> {
        self.inner.execution_by_key(key).await
    }

    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, StoreError> {
        self.inner.executions(query).await
    }

    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, StoreError> {
        self.inner.tasks(tenant, peid, after, limit).await
    }

    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, StoreError> {
        self.inner.tasks_of_alert(query).await
    }

    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, StoreError> {
        self.inner.slowest_playbooks(query).await
    }

    async fn unfinished(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionDocument>, StoreError> {
        self.inner.unfinished(after, limit).await
    }

    async fn next_epoch(&self, above: u64) -> Result<u64, StoreError> {
        self.inner.next_epoch(above).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }

    async fn health(&self) -> Health {
        self.inner.health().await
    }

    fn batch_limit(&self) -> BatchLimit {
        self.inner.batch_limit()
    }
}
