//! The port for the audit: records that are added and never changed.

use async_trait::async_trait;
use updraft_protocol::{AuditId, AuditRecord, TenantCode};

use super::Error;

/// A page of the audit, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The records about this tenant; `None` for all, those about no single tenant included.
    pub tenant: Option<TenantCode>,
    /// The last row of the page before.
    pub after: Option<AuditId>,
    /// The most rows.
    pub limit: usize,
}

/// The audit.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// Adds records; one that is there stays as it is. Durable when it returns.
    async fn add_audit(&self, records: Vec<AuditRecord>) -> Result<(), Error>;

    /// A page of records, newest first.
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, Error>;
}
