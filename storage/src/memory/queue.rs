//! Queued executions, and the newest of an alert, in the memory store. Keeps the index of those that are queued; changes no
//! document.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use updraft_kernel::backlog::Queued;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionId, ExecutionStatus, ExecutionUpdate, TenantCode};

use super::MemoryStore;
use super::table::Table;
use crate::store::{AlertQuery, Error, QueueStore, QueuedQuery};

/// The queued executions of each tenant that has some.
#[derive(Default)]
pub(super) struct QueuedIndex(BTreeMap<TenantCode, BTreeSet<Queued>>);

/// Where the execution of an update stands in its line, if it is queued.
pub(super) fn queued(update: &ExecutionUpdate) -> Option<Queued> {
    let is_queued = update.state.execution_status == ExecutionStatus::Queued;
    let position = update.state.queue_position.filter(|_| is_queued)?;
    Some(Queued { position, peid: update.peid })
}

impl QueuedIndex {
    /// An execution of a tenant was changed.
    pub(super) fn moved(&mut self, tenant: &TenantCode, before: Option<Queued>, after: Option<Queued>) {
        if before == after {
            return;
        }
        let queued = self.0.entry(tenant.clone()).or_default();
        if let Some(before) = before {
            queued.remove(&before);
        }
        queued.extend(after);
        if queued.is_empty() {
            self.0.remove(tenant);
        }
    }
}

impl Table {
    fn queued(&self, asked: &QueuedQuery) -> Vec<Queued> {
        let wanted = |queued: &&Queued| {
            let name = self.head(queued.peid).map(|head| &head.playbook_name);
            name.is_some_and(|name| !asked.except.contains(name))
        };
        let queued = self.queued.0.get(&asked.tenant).into_iter().flatten();
        queued.filter(wanted).take(asked.limit.min(PAGE_ROWS)).copied().collect()
    }

    fn queued_tenants(&self, after: Option<TenantCode>, limit: usize) -> Vec<(TenantCode, u64)> {
        let rest = self.queued.0.range((after.map_or(Unbounded, Excluded), Unbounded));
        let counted = rest.map(|(tenant, queued)| (tenant.clone(), queued.len() as u64));
        counted.take(limit.min(PAGE_ROWS)).collect()
    }

    fn newest_of_alert(&self, asked: &AlertQuery) -> Option<ExecutionId> {
        let own = self.all_executions().filter_map(|update| Some((update.peid, update.head.as_ref()?)));
        let of_alert = own.filter(|(_, head)| {
            head.tenant_code == asked.tenant
                && head.alert_id.as_deref() == Some(&asked.alert_id)
                && head.playbook_name == asked.playbook
                && head.createddate >= asked.since
        });
        of_alert.max_by_key(|(peid, head)| (head.createddate, *peid)).map(|(peid, _)| peid)
    }
}

#[async_trait]
impl QueueStore for MemoryStore {
    async fn queued(&self, query: QueuedQuery) -> Result<Vec<Queued>, Error> {
        Ok(self.table().queued(&query))
    }

    async fn queued_tenants(
        &self,
        after: Option<TenantCode>,
        limit: usize,
    ) -> Result<Vec<(TenantCode, u64)>, Error> {
        Ok(self.table().queued_tenants(after, limit))
    }

    async fn newest_of_alert(&self, query: AlertQuery) -> Result<Option<ExecutionId>, Error> {
        Ok(self.table().newest_of_alert(&query))
    }
}
