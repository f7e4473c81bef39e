//! Queued executions, and the newest of an alert, in SQLite. From indexes alone; changes nothing.

use async_trait::async_trait;
use rusqlite::params;
use updraft_kernel::backlog::Queued;
use updraft_protocol::{ExecutionId, Name, TenantCode};

use super::{SqliteStore, query, read, row};
use crate::store::{AlertQuery, Error, QueueStore, QueuedQuery};

#[async_trait]
impl QueueStore for SqliteStore {
    async fn queued(&self, asked: QueuedQuery) -> Result<Vec<Queued>, Error> {
        self.read(move |connection| {
            let except: Vec<&str> = asked.except.iter().map(Name::as_str).collect();
            let except = serde_json::to_string(&except).map_err(|error| Error::Refused(error.to_string()))?;
            let values = params![asked.tenant.as_str(), except, read::rows(asked.limit)];
            read::list(connection, query::QUEUED, values, row::queued)
        })
        .await
    }

    async fn queued_tenants(
        &self,
        after: Option<TenantCode>,
        limit: usize,
    ) -> Result<Vec<(TenantCode, u64)>, Error> {
        self.read(move |connection| {
            // No code is empty.
            let after = after.as_ref().map_or("", TenantCode::as_str);
            read::list(connection, query::QUEUED_TENANTS, params![after, read::rows(limit)], row::tenant)
        })
        .await
    }

    async fn newest_of_alert(&self, asked: AlertQuery) -> Result<Option<ExecutionId>, Error> {
        self.read(move |connection| {
            let AlertQuery { tenant, alert_id, playbook, since } = asked;
            let values = params![tenant.as_str(), alert_id, playbook.as_str(), read::stored(since)];
            read::one(connection, query::NEWEST_OF_ALERT, values, row::execution_id)
        })
        .await
    }
}
