//! The `Store` port: what Updraft asks of a database. Every store runs the same conformance suite.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use thiserror::Error;
use updraft_kernel::batch_limit::BatchLimit;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    DeadLetter, ExecutionDocument, ExecutionId, ExecutionStatus, IdempotencyKey, Json, KeyHolder, Name,
    PlaybookDocument, PlaybookId, PlaybookStatus, TaskDocument, TaskId, TaskStatus, TenantCode, Timestamp,
    Update,
};
use uuid::Uuid;

use crate::bond::{Bond, Kept};
pub use crate::health::Trouble;
use crate::owner::Owner;
use crate::page::AllTasks;
pub use updraft_kernel::writer::WriteOutcome;

/// Why a store did not do what it was asked. Messages name no data and no credentials.
#[derive(Debug, Error)]
pub enum Error {
    /// Another process has the store.
    #[error("{path} is in use by another process")]
    InUse {
        /// Where it is.
        path: String,
    },
    /// It does not answer, or not in time.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It has no room.
    #[error("the store is full: {0}")]
    Full(String),
    /// It was written by another version of Updraft.
    #[error("{place}: the store has schema {found}; this version reads schema {known}")]
    Schema {
        /// Where it is.
        place: String,
        /// The version found.
        found: u32,
        /// The version known.
        known: u32,
    },
    /// What it holds cannot be read.
    #[error("the store holds what cannot be read: {0}")]
    Corrupt(String),
    /// It refuses the operation.
    #[error("the store refuses: {0}")]
    Refused(String),
}

impl Error {
    /// Whether another try can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}

/// How a store fares, for who watches over it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Health {
    /// What is wrong, each with what it means; empty where all is well.
    pub troubles: Vec<Trouble>,
    /// The connections, where the store has a pool of them.
    pub pool: Option<PoolStatistics>,
}

/// The connections of a store's pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolStatistics {
    /// Connections that are open.
    pub open: u64,
    /// Open ones that nobody uses.
    pub idle: u64,
    /// Open ones in use.
    pub in_use: u64,
    /// Callers that wait for one.
    pub waiting: u64,
    /// Connections opened since the start.
    pub opened_total: u64,
    /// Callers that waited in vain since the start.
    pub timeouts_total: u64,
    /// Microseconds that callers waited for a connection since the start, all together.
    pub waited_us_total: u64,
}

/// What became of a playbook that was put.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum PutOutcome {
    /// It is new.
    Created,
    /// The same definition was there under this id.
    Unchanged(PlaybookId),
    /// Another definition was there under this name and version; nothing changed.
    Conflict(PlaybookId),
}

impl PutOutcome {
    /// What becomes of a playbook whose name and version `known` has already, with this definition.
    pub fn of_known(known: PlaybookId, definition: &Json, playbook: &PlaybookDocument) -> Self {
        if definition.same_value(&playbook.definition) {
            Self::Unchanged(known)
        } else {
            Self::Conflict(known)
        }
    }
}

/// Where a page ended: the sort key of its last row. The next page begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// `createddate` of the last row.
    pub createddate: Timestamp,
    /// Its id.
    pub peid: ExecutionId,
}

/// Which executions, newest first.
#[derive(Debug, Clone)]
pub enum ExecutionsOf {
    /// Of a tenant, in one status.
    Status(ExecutionStatus),
    /// Of a tenant, in every status.
    Any,
    /// Of a tenant, submitted by one analyst.
    User(String),
}

/// How much of each document a list gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// All of it.
    #[default]
    Whole,
    /// Without what may be large: `input` and `variables` are `null`, `output` and a task's `response` are none.
    Summary,
}

/// One page of executions.
#[derive(Debug, Clone)]
pub struct ExecutionQuery {
    /// Whose.
    pub tenant: TenantCode,
    /// Which.
    pub of: ExecutionsOf,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Rows at most; the store caps it at `limits::PAGE_ROWS`, and a page ends early once it has `limits::PAGE_BYTES`.
    pub limit: usize,
    /// How much of each.
    pub detail: Detail,
}

/// One page of the tasks that were done for an alert, in the order of their ids.
#[derive(Debug, Clone)]
pub struct TaskQuery {
    /// Whose.
    pub tenant: TenantCode,
    /// For which alert.
    pub alert_id: String,
    /// In one status, or in all.
    pub status: Option<TaskStatus>,
    /// The last one of the page before.
    pub after: Option<TaskId>,
    /// Rows at most; the store caps it at `limits::PAGE_ROWS`, and a page ends early once it has `limits::PAGE_BYTES`.
    pub limit: usize,
    /// How much of each.
    pub detail: Detail,
}

impl TaskQuery {
    /// The first page of all that was done for an alert, whole.
    pub fn of_alert(tenant: TenantCode, alert_id: impl Into<String>) -> Self {
        let alert_id = alert_id.into();
        Self { tenant, alert_id, status: None, after: None, limit: PAGE_ROWS, detail: Detail::Whole }
    }
}

/// How long a playbook's executions took.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PlaybookRuntime {
    /// Which playbook version.
    pub pid: PlaybookId,
    /// Its executions counted.
    pub executions: u64,
    /// Their average runtime in milliseconds.
    pub average_ms: f64,
    /// The longest in milliseconds.
    pub longest_ms: u64,
}

/// An execution as it was left.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumable {
    /// Its document.
    pub document: ExecutionDocument,
    /// All of its tasks in order; none are read where it has ended.
    pub tasks: Vec<TaskDocument>,
}

/// Which executions `slowest_playbooks` counts.
#[derive(Debug, Clone)]
pub struct SlowestQuery {
    /// Of which tenant; none asks for all, which is the operator's question, never a tenant's.
    pub tenant: Option<TenantCode>,
    /// In which status.
    pub status: ExecutionStatus,
    /// Created at or after this instant.
    pub since: Timestamp,
    /// Rows at most.
    pub top: usize,
}

/// A database of playbooks, executions and tasks.
///
/// Contract: an update is guarded by its revision, and changes nothing where the document is as new or
/// newer. Updates of one batch are for distinct documents and independent of each other. A batch that fails as
/// a whole may have been written in part and is safe to send again. Every read names its tenant and sees
/// nothing of others. A list of documents ends early with the row that makes it
/// [`PAGE_BYTES`](updraft_protocol::limits::PAGE_BYTES) large; what follows is asked for after that row. Callers
/// keep at most one batch in flight per document.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes a batch; one outcome for each update, in order. An update with a head is inserted whole, or
    /// laid over the document where it exists; one without a head changes an existing document, and is
    /// `Poison` where there is none.
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error>;

    /// Keeps updates that it will never take elsewhere, with the reason, durably. A letter that it has under the
    /// same key is left as it is. Where a letter names no tenant, that of its execution is put in, if the store
    /// has that.
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error>;

    /// Buried updates in order of their key, after `after`; `limit` at most. Of one tenant; none asks for all,
    /// which is the operator's question, never a tenant's.
    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error>;

    /// Adds a playbook version, durably.
    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error>;

    /// A playbook version by its id.
    async fn playbook(&self, tenant: &TenantCode, pid: PlaybookId)
    -> Result<Option<PlaybookDocument>, Error>;

    /// A playbook by its name: the version, or the newest.
    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error>;

    /// A tenant's catalogue in one status, by name and version, after `after` (name, version); `limit`
    /// rows at most.
    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error>;

    /// An execution by its id.
    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error>;

    /// The execution that was submitted under an idempotency key: of that tenant, for a playbook of that name.
    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error>;

    /// One page of executions, newest first (`createddate`, then `peid`, both descending).
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error>;

    /// The tasks of an execution in order of `task_seq`, after `after`; `limit` rows at most.
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

    /// One page of what was done for an alert.
    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error>;

    /// The playbooks whose executions took longest on average: grouped, then sorted.
    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error>;

    /// Unfinished executions of all tenants, newest first, after `after`, each as a [`Detail::Summary`]: for recovery.
    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error>;

    /// What is needed to resume each of these executions, in the order asked for; none where there is no such
    /// execution. One call of the store where it can, whatever their number; otherwise all at once: they are
    /// [`REVIVALS_AT_ONCE`](updraft_protocol::limits::REVIVALS_AT_ONCE) at most.
    async fn resumables(&self, of: Vec<(TenantCode, ExecutionId)>) -> Result<Vec<Option<Resumable>>, Error> {
        let each = of.into_iter().map(async |(tenant, peid)| {
            let Some(document) = self.execution(&tenant, peid).await? else { return Ok(None) };
            let ended = document.state.execution_status.ended();
            let tasks = if ended { Vec::new() } else { self.all_tasks(&tenant, peid).await? };
            Ok(Some(Resumable { document, tasks }))
        });
        try_join_all(each).await
    }

    /// A new epoch, higher than every one that it gave before and than `above`, durable when answered. `above` is the
    /// highest that the journal knows: a store that was lost or put back has forgotten those that it gave since, and would
    /// take what is written under a lower one for old.
    async fn next_epoch(&self, above: u64) -> Result<u64, Error>;

    /// What it keeps of itself and of the journal that it takes updates from. One that keeps nothing of the kind is taken
    /// for the one that a journal belongs to wherever it is found.
    async fn kept(&self) -> Result<Kept, Error> {
        Ok(Kept::Nothing)
    }

    /// Keeps a bond instead of what it kept, where that still is `before`; says whether it was. Durable.
    async fn bind(&self, _bond: Bond, _before: Option<Bond>) -> Result<bool, Error> {
        Ok(true)
    }

    /// Notes that it has all groups of its journal up to `taken`, and whether both are closed; as durable as what it has
    /// taken. Refused where it belongs to another journal.
    async fn note(&self, _journal: Uuid, _taken: u64, _closed: bool) -> Result<(), Error> {
        Ok(())
    }

    /// Whether several machines reach it, so that one engine has it by a lease. The four calls that follow are for such.
    fn is_leased(&self) -> bool {
        false
    }

    /// Who has it, or had it last.
    async fn owner(&self) -> Result<Option<Owner>, Error> {
        Ok(None)
    }

    /// Makes this one the owner where it is still `before`, with as many beats; says whether it was. Durable.
    async fn take(&self, _owner: &Owner, _before: Option<&Owner>) -> Result<bool, Error> {
        Ok(true)
    }

    /// Renews the lease; says whether this one still is the owner. One that is not can write no batch any more.
    async fn renew(&self, _incarnation: Uuid) -> Result<bool, Error> {
        Ok(true)
    }

    /// Gives the store back, where this one is the owner.
    async fn disown(&self, _incarnation: Uuid) -> Result<(), Error> {
        Ok(())
    }

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), Error>;

    /// How it fares, and what is wrong.
    async fn health(&self) -> Health {
        let troubles = self.ping().await.err().iter().map(Trouble::of).collect();
        Health { troubles, pool: None }
    }

    /// What it is called in logs and metrics.
    fn name(&self) -> &'static str {
        "other"
    }

    /// How fast a writer may go that is told nothing else.
    fn batch_limit(&self) -> BatchLimit {
        BatchLimit::SERVER
    }
}
