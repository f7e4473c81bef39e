//! Queued executions in the store, in the order in which they begin. Mirrors `storage/src/sqlite/queue.rs`.

use updraft_kernel::backlog::Queued;
use updraft_protocol::{ExecutionDocument, ExecutionStatus, Name, TenantCode};

use super::SimulatedStore;

impl SimulatedStore {
    /// The first queued executions of a tenant, without those of some playbooks.
    pub fn queued(&self, tenant: &TenantCode, except: &[Name], limit: usize) -> Vec<Queued> {
        let own = self.all_queued().filter(|document| {
            document.head.tenant_code == *tenant && !except.contains(&document.head.playbook_name)
        });
        let mut rows: Vec<Queued> = own.map(place).collect();
        rows.sort_unstable();
        rows.truncate(limit);
        rows
    }

    /// All queued executions.
    pub fn all_queued(&self) -> impl Iterator<Item = &ExecutionDocument> {
        let is_queued =
            |document: &&ExecutionDocument| document.state.execution_status == ExecutionStatus::Queued;
        self.executions.values().filter(is_queued)
    }
}

/// The stored place of a queued execution.
pub fn place(document: &ExecutionDocument) -> Queued {
    let position = document.state.queue_position.unwrap_or(document.head.createddate);
    Queued { position, peid: document.peid }
}
