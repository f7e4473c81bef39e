//! The timing of a store's calls: a store around another that measures how long each call takes, counts it in a
//! histogram, and logs the slow ones. Changes no call and no answer, and never logs their content.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use updraft_kernel::backlog::Queued;
use updraft_kernel::batch_limit::BatchLimit;
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{
    AuditRecord, ContainmentDocument, ContainmentId, DeadLetter, ExecutionDocument, ExecutionId,
    ExecutionPositions, IdempotencyKey, KeyHolder, Name, PlaybookDocument, PlaybookId, PlaybookStatus,
    Setting, SettingKind, TaskDocument, TaskPositions, TenantCode, Timestamp, Update,
};
use uuid::Uuid;

use crate::store::{
    AlertQuery, AuditQuery, AuditStore, Bond, BondStore, ContainmentQuery, ContainmentStore, Cursor,
    DeadLetterStore, EpochStore, Error, EventQuery, EventStore, ExecutionQuery, ExecutionStore, Health,
    InboxQuery, Kept, OverdueTasksQuery, Owner, OwnerStore, PlaybookRuntime, PlaybookStore, PutOutcome,
    QueryStore, QueueStore, QueuedQuery, Resumable, SettingStore, SlowestQuery, Store, TaskQuery,
    WriteOutcome,
};

/// A store whose calls are timed.
pub struct TimedStore {
    inner: Arc<dyn Store>,
    /// A call that takes this long or longer is slow.
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

/// One call. Its time is recorded when it is dropped, so that a cancelled call counts too.
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

/// The calls of one trait, timed; and its other items.
macro_rules! timed {
    ($trait:ident { $($call:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+ $({ $($else:tt)* })? }) => {
        #[async_trait]
        impl $trait for TimedStore {
            $(async fn $call(&self, $($argument: $type),*) -> Result<$answer, Error> {
                self.timed(stringify!($call), self.inner.$call($($argument),*)).await
            })+

            $($($else)*)?
        }
    };
}

timed! { ExecutionStore {
    write(batch: Vec<Update>) -> Vec<WriteOutcome>;
    execution(tenant: &TenantCode, peid: ExecutionId) -> Option<ExecutionDocument>;
    execution_by_key(key: &IdempotencyKey) -> Option<KeyHolder>;
    tasks(tenant: &TenantCode, peid: ExecutionId, after: u32, limit: usize) -> Vec<TaskDocument>;
    unfinished(after: Option<Cursor>, limit: usize) -> Vec<ExecutionDocument>;
    resumables(of: Vec<(TenantCode, ExecutionId)>) -> Vec<Option<Resumable>>;
} }

timed! { QueryStore {
    executions(query: ExecutionQuery) -> Vec<ExecutionDocument>;
    tasks_of_alert(query: TaskQuery) -> Vec<TaskDocument>;
    inbox(query: InboxQuery) -> Vec<TaskDocument>;
    overdue_tasks(query: OverdueTasksQuery) -> Vec<TaskDocument>;
    runtimes(newest: usize) -> Vec<(PlaybookId, u64)>;
    slowest_playbooks(query: SlowestQuery) -> Vec<PlaybookRuntime>;
} }

timed! { EventStore {
    started(query: &EventQuery) -> Vec<(ExecutionDocument, ExecutionPositions)>;
    ended(query: &EventQuery) -> Vec<(ExecutionDocument, ExecutionPositions)>;
    waits(query: &EventQuery) -> Vec<(TaskDocument, TaskPositions)>;
} }

timed! { QueueStore {
    queued(query: QueuedQuery) -> Vec<Queued>;
    queued_tenants(after: Option<TenantCode>, limit: usize) -> Vec<(TenantCode, u64)>;
    newest_of_alert(query: AlertQuery) -> Option<ExecutionId>;
} }

timed! { PlaybookStore {
    put_playbook(playbook: PlaybookDocument) -> PutOutcome;
    playbook(tenant: &TenantCode, pid: PlaybookId) -> Option<PlaybookDocument>;
    playbook_named(tenant: &TenantCode, name: &Name, version: Option<u32>) -> Option<PlaybookDocument>;
    playbooks(
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize
    ) -> Vec<PlaybookDocument>;
} }

timed! { ContainmentStore {
    unregistered_holds(after: Option<HoldCursor>, limit: usize) -> Vec<TaskDocument>;
    mark_registered(tasks: &[TaskDocument]) -> ();
    put_containment(containment: ContainmentDocument, before: Option<u64>) -> bool;
    containment(tenant: &TenantCode, id: ContainmentId) -> Option<ContainmentDocument>;
    containments(query: ContainmentQuery) -> Vec<ContainmentDocument>;
    due_containments(by: Timestamp, after: Option<DueCursor>, limit: usize) -> Vec<ContainmentDocument>;
} }

timed! { SettingStore {
    put_setting(setting: Setting, before: Option<u64>) -> bool;
    remove_setting(key: &str, before: u64) -> bool;
    setting(key: &str) -> Option<Setting>;
    settings(kind: SettingKind, after: Option<&str>, limit: usize) -> Vec<Setting>;
} }

timed! { AuditStore {
    add_audit(records: Vec<AuditRecord>) -> ();
    audit(query: AuditQuery) -> Vec<AuditRecord>;
} }

timed! { DeadLetterStore {
    keep_dead_letters(letters: Vec<DeadLetter>) -> ();
    dead_letters(tenant: Option<&TenantCode>, after: Option<&str>, limit: usize) -> Vec<DeadLetter>;
} }

timed! { EpochStore {
    claim_epochs(shards: &[VirtualShard], owner: Uuid, above: u64) -> ShardEpochs;
} }

timed! { BondStore {
    kept() -> Kept;
    bind(bond: Bond, before: Option<Bond>) -> bool;
    note(journal: Uuid, taken: u64, closed: bool) -> ();
} }

timed! { OwnerStore {
    owner() -> Option<Owner>;
    take(owner: &Owner, before: Option<&Owner>) -> bool;
    renew(incarnation: Uuid) -> bool;
    disown(incarnation: Uuid) -> ();
    {
        fn is_leased(&self) -> bool {
            self.inner.is_leased()
        }
    }
} }

timed! { Store {
    ping() -> ();
    {
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
} }
