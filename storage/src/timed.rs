//! The timing of a store's calls: a store around any other that measures how long each call takes, counts it in a
//! histogram, and logs the slow ones. Changes no call and no answer, and never logs what was asked or answered.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use updraft_kernel::batch_limit::BatchLimit;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{
    DeadLetter, ExecutionDocument, ExecutionId, IdempotencyKey, KeyHolder, Name, PlaybookDocument,
    PlaybookId, PlaybookStatus, TaskDocument, TenantCode, Update,
};
use uuid::Uuid;

use crate::store::{
    Bond, BondStore, Cursor, DeadLetterStore, EpochStore, Error, ExecutionQuery, ExecutionStore, Health,
    Kept, Owner, OwnerStore, PlaybookRuntime, PlaybookStore, PutOutcome, QueryStore, Resumable, SlowestQuery,
    Store, TaskQuery, WriteOutcome,
};

/// A store whose calls are timed.
pub struct TimedStore {
    inner: Arc<dyn Store>,
    /// A call that takes as long or longer is slow.
    threshold: Duration,
}

impl TimedStore {
    /// Times the calls of a store.
    pub fn new(inner: Arc<dyn Store>, threshold: Duration) -> Self {
        Self { inner, threshold }
    }

    async fn timed<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut watch = Watch {
            store: self.inner.name(),
            call: name,
            threshold: self.threshold,
            began: Instant::now(),
            ended: "abandoned",
        };
        let answer = call.await;
        watch.ended = if answer.is_ok() { "answered" } else { "failed" };
        answer
    }
}

/// One call. Its time is taken when it is dropped, so that a call that its caller gave up counts too.
struct Watch {
    store: &'static str,
    call: &'static str,
    threshold: Duration,
    began: Instant,
    ended: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let (store, call, ended) = (self.store, self.call, self.ended);
        metrics::histogram!("updraft_store_call_seconds", "store" => store, "call" => call)
            .record(took.as_secs_f64());
        if took < self.threshold {
            return;
        }
        metrics::counter!("updraft_store_slow_calls_total", "store" => store, "call" => call).increment(1);
        tracing::warn!(
            target: "updraft::store::slow",
            store,
            call,
            ended,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "a slow call of the store"
        );
    }
}

#[async_trait]
impl ExecutionStore for TimedStore {
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error> {
        self.timed("write", self.inner.write(batch)).await
    }

    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error> {
        self.timed("execution", self.inner.execution(tenant, peid)).await
    }

    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error> {
        self.timed("execution_by_key", self.inner.execution_by_key(key)).await
    }

    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        self.timed("tasks", self.inner.tasks(tenant, peid, after, limit)).await
    }

    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error> {
        self.timed("unfinished", self.inner.unfinished(after, limit)).await
    }

    async fn resumables(&self, of: Vec<(TenantCode, ExecutionId)>) -> Result<Vec<Option<Resumable>>, Error> {
        self.timed("resumables", self.inner.resumables(of)).await
    }
}

#[async_trait]
impl QueryStore for TimedStore {
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error> {
        self.timed("executions", self.inner.executions(query)).await
    }

    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error> {
        self.timed("tasks_of_alert", self.inner.tasks_of_alert(query)).await
    }

    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
        self.timed("slowest_playbooks", self.inner.slowest_playbooks(query)).await
    }
}

#[async_trait]
impl PlaybookStore for TimedStore {
    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error> {
        self.timed("put_playbook", self.inner.put_playbook(playbook)).await
    }

    async fn playbook(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, Error> {
        self.timed("playbook", self.inner.playbook(tenant, pid)).await
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error> {
        self.timed("playbook_named", self.inner.playbook_named(tenant, name, version)).await
    }

    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error> {
        let listed = self.inner.playbooks(tenant, status, category_id, after, limit);
        self.timed("playbooks", listed).await
    }
}

#[async_trait]
impl DeadLetterStore for TimedStore {
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error> {
        self.timed("keep_dead_letters", self.inner.keep_dead_letters(letters)).await
    }

    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.timed("dead_letters", self.inner.dead_letters(tenant, after, limit)).await
    }
}

#[async_trait]
impl EpochStore for TimedStore {
    async fn claim_epochs(
        &self,
        shards: &[VirtualShard],
        owner: Uuid,
        above: u64,
    ) -> Result<ShardEpochs, Error> {
        self.timed("claim_epochs", self.inner.claim_epochs(shards, owner, above)).await
    }
}

#[async_trait]
impl BondStore for TimedStore {
    async fn kept(&self) -> Result<Kept, Error> {
        self.timed("kept", self.inner.kept()).await
    }

    async fn bind(&self, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
        self.timed("bind", self.inner.bind(bond, before)).await
    }

    async fn note(&self, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
        self.timed("note", self.inner.note(journal, taken, closed)).await
    }
}

#[async_trait]
impl OwnerStore for TimedStore {
    fn is_leased(&self) -> bool {
        self.inner.is_leased()
    }

    async fn owner(&self) -> Result<Option<Owner>, Error> {
        self.timed("owner", self.inner.owner()).await
    }

    async fn take(&self, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
        self.timed("take", self.inner.take(owner, before)).await
    }

    async fn renew(&self, incarnation: Uuid) -> Result<bool, Error> {
        self.timed("renew", self.inner.renew(incarnation)).await
    }

    async fn disown(&self, incarnation: Uuid) -> Result<(), Error> {
        self.timed("disown", self.inner.disown(incarnation)).await
    }
}

#[async_trait]
impl Store for TimedStore {
    async fn ping(&self) -> Result<(), Error> {
        self.timed("ping", self.inner.ping()).await
    }

    async fn health(&self) -> Health {
        self.inner.health().await
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn batch_limit(&self) -> BatchLimit {
        self.inner.batch_limit()
    }
}
