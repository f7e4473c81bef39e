//! The port for queries across executions: lists, and slow playbooks. Writes nothing.

use async_trait::async_trait;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    ExecutionDocument, ExecutionStatus, PlaybookId, TaskDocument, TaskId, TaskStatus, TenantCode, Timestamp,
};

use super::{Cursor, Error, InboxQuery, OverdueTasksQuery};
use crate::page::Row;

/// The executions of a list, newest first.
#[derive(Debug, Clone)]
pub enum ExecutionsOf {
    /// Of a tenant, in one status.
    Status(ExecutionStatus),
    /// Of a tenant, in every status.
    Any,
    /// Of a tenant, submitted by one analyst.
    User(String),
}

/// How much of each document a list returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// All of it.
    #[default]
    Whole,
    /// Without fields that may be large: `input` and `variables` are `null`, `output` and a task's `response` are
    /// `None`.
    Summary,
}

/// One page of executions.
#[derive(Debug, Clone)]
pub struct ExecutionQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// The executions.
    pub of: ExecutionsOf,
    /// The end of the last page.
    pub after: Option<Cursor>,
    /// The most rows; the store caps it at `limits::PAGE_ROWS`, and a page ends early once it has `limits::PAGE_BYTES`.
    pub limit: usize,
    /// How much of each document.
    pub detail: Detail,
}

/// One page of the tasks for an alert, in the order of their ids.
#[derive(Debug, Clone)]
pub struct TaskQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// The alert.
    pub alert_id: String,
    /// In one status, or in all.
    pub status: Option<TaskStatus>,
    /// The last task of the page before.
    pub after: Option<TaskId>,
    /// The most rows; the store caps it at `limits::PAGE_ROWS`, and a page ends early once it has `limits::PAGE_BYTES`.
    pub limit: usize,
    /// How much of each document.
    pub detail: Detail,
}

impl TaskQuery {
    /// The first page of all tasks for an alert, as whole documents.
    pub fn of_alert(tenant: TenantCode, alert_id: impl Into<String>) -> Self {
        let alert_id = alert_id.into();
        Self { tenant, alert_id, status: None, after: None, limit: PAGE_ROWS, detail: Detail::Whole }
    }
}

/// The runtimes of a playbook's executions.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PlaybookRuntime {
    /// The playbook version.
    pub pid: PlaybookId,
    /// The number of its executions.
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

/// The executions that `slowest_playbooks` counts.
#[derive(Debug, Clone)]
pub struct SlowestQuery {
    /// The tenant; `None` for all, which is for operators, never for a tenant.
    pub tenant: Option<TenantCode>,
    /// Their status.
    pub status: ExecutionStatus,
    /// Created at or after this instant.
    pub since: Timestamp,
    /// The most rows.
    pub top: usize,
}

/// Lists and figures of executions.
#[async_trait]
pub trait QueryStore: Send + Sync + 'static {
    /// One page of executions, newest first (`createddate`, then `peid`, both descending).
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error>;

    /// One page of the tasks for an alert.
    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error>;

    /// One page of the approvals that wait, as summaries: the one whose time is over first comes first, then by id.
    async fn inbox(&self, query: InboxQuery) -> Result<Vec<TaskDocument>, Error>;

    /// One page of unfinished tasks of all tenants, for operators, as summaries.
    async fn overdue_tasks(&self, query: OverdueTasksQuery) -> Result<Vec<TaskDocument>, Error>;

    /// The runtimes in milliseconds of so many of the newest executions of all tenants that completed, each with its playbook.
    async fn runtimes(&self, newest: usize) -> Result<Vec<(PlaybookId, u64)>, Error>;

    /// The playbooks whose executions took longest on average: grouped, then sorted.
    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error>;
}
