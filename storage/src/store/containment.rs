//! The port for containments: one document for each, changed only as it was read; and the tasks whose hold is not
//! registered with one.

use std::sync::Arc;

use async_trait::async_trait;
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_protocol::{ContainmentDocument, ContainmentId, TaskDocument, TenantCode, Timestamp};

use super::Error;

/// The requested containments of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainmentsOf {
    /// Those that have not ended, in the order in which they do.
    Open,
    /// Those of a target, ended ones included, in the order of their ids.
    Target(Arc<str>),
}

/// A list of containments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainmentQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// Which of them.
    pub of: ContainmentsOf,
    /// The last row of the page before.
    pub after: Option<ContainmentCursor>,
    /// The most rows.
    pub limit: usize,
}

/// The end of a page of containments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainmentCursor {
    /// `until` of the last row.
    pub until: Timestamp,
    /// Its id.
    pub id: ContainmentId,
}

impl ContainmentCursor {
    /// The cursor after this row.
    pub fn of(document: &ContainmentDocument) -> Self {
        Self { until: document.until, id: document.id }
    }
}

/// Containments.
#[async_trait]
pub trait ContainmentStore: Send + Sync + 'static {
    /// Tasks of all tenants with [`registration_due`](updraft_protocol::TaskState::registration_due), in the order of that, after
    /// those of the page before.
    async fn unregistered_holds(
        &self,
        after: Option<HoldCursor>,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error>;

    /// The holds of these tasks are registered, but for tasks that have changed since.
    async fn mark_registered(&self, tasks: &[TaskDocument]) -> Result<(), Error>;

    /// Stores a containment in place of the one with the revision `before`, or of none; returns whether it was so. Durable
    /// when it returns.
    async fn put_containment(
        &self,
        containment: ContainmentDocument,
        before: Option<u64>,
    ) -> Result<bool, Error>;

    /// A containment by its id.
    async fn containment(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
    ) -> Result<Option<ContainmentDocument>, Error>;

    /// A page of a tenant's containments.
    async fn containments(&self, query: ContainmentQuery) -> Result<Vec<ContainmentDocument>, Error>;

    /// Containments of all tenants that are due by an instant, in the order in which they are, after those of the page before.
    async fn due_containments(
        &self,
        by: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<ContainmentDocument>, Error>;
}
