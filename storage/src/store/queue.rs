//! The port for executions that are looked for before they begin: those that are queued, and those for an alert. Writes nothing.

use async_trait::async_trait;
use updraft_kernel::backlog::Queued;
use updraft_protocol::{ExecutionId, Name, TenantCode, Timestamp};

use super::Error;
use crate::page::Row;

/// The queued executions of a tenant that begin first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// Playbooks whose executions are left out.
    pub except: Vec<Name>,
    /// The most rows; the store caps it at `limits::PAGE_ROWS`.
    pub limit: usize,
}

/// The newest execution for an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// The tenant.
    pub tenant: TenantCode,
    /// The alert.
    pub alert_id: String,
    /// The name of the playbook, in any version.
    pub playbook: Name,
    /// Created at or after this instant.
    pub since: Timestamp,
}

impl Row for Queued {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl Row for (TenantCode, u64) {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.0.as_str().len()
    }
}

/// What is asked before executions begin. The time that an answer takes does not depend on how many are queued, but for
/// [`QueueStore::queued_tenants`], and for those that a query leaves out.
#[async_trait]
pub trait QueueStore: Send + Sync + 'static {
    /// The queued executions that begin first, in their order.
    async fn queued(&self, query: QueuedQuery) -> Result<Vec<Queued>, Error>;

    /// The tenants that have queued executions, each with their number, in the order of their codes, after `after`. For
    /// operators, and for the start of an engine.
    async fn queued_tenants(
        &self,
        after: Option<TenantCode>,
        limit: usize,
    ) -> Result<Vec<(TenantCode, u64)>, Error>;

    /// The newest execution for an alert.
    async fn newest_of_alert(&self, query: AlertQuery) -> Result<Option<ExecutionId>, Error>;
}
