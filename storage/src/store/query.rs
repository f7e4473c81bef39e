//! The port for what people ask across executions: lists, and which playbooks are slow. Writes nothing.

use async_trait::async_trait;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    ExecutionDocument, ExecutionStatus, PlaybookId, TaskDocument, TaskId, TaskStatus, TenantCode, Timestamp,
};

use super::{Cursor, Error};
use crate::page::Row;

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

impl Row for PlaybookRuntime {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
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

/// Lists and figures of executions.
#[async_trait]
pub trait QueryStore: Send + Sync + 'static {
    /// One page of executions, newest first (`createddate`, then `peid`, both descending).
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error>;

    /// One page of what was done for an alert.
    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error>;

    /// The playbooks whose executions took longest on average: grouped, then sorted.
    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error>;
}
