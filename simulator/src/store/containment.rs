//! The containments of the store, and the tasks whose hold is not registered. Mirrors the contract of
//! `storage/src/store/containment.rs`. Decides nothing.

use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_protocol::{ContainmentDocument, TaskDocument, TenantCode, Timestamp};

use super::SimulatedStore;

impl SimulatedStore {
    /// A page of the tasks of some tenants whose hold is not registered.
    pub fn unregistered_holds(
        &self,
        is_own: impl Fn(&TenantCode) -> bool,
        after: Option<HoldCursor>,
        rows: usize,
    ) -> Vec<TaskDocument> {
        let is_after =
            |(due, task): &(Timestamp, _)| after.is_none_or(|after| (*due, *task) > (after.due, after.task));
        let rest = self.unregistered.iter().copied().filter(is_after);
        let tasks = rest.filter_map(|(_, task)| self.tasks.get(&task));
        tasks.filter(|task| is_own(&task.head.tenant_code)).take(rows).cloned().collect()
    }

    /// The holds of these tasks are registered, but for tasks that have changed since. Returns those that were marked.
    pub fn mark_registered(&mut self, tasks: &[TaskDocument]) -> Vec<TaskDocument> {
        let mut marked = Vec::new();
        for task in tasks {
            let Some(known) = self.tasks.get_mut(&task.task_request_id) else { continue };
            if (known.epoch, known.seq) != (task.epoch, task.seq) {
                continue;
            }
            if let Some(due) = known.state.registration_due.take() {
                self.unregistered.remove(&(due, task.task_request_id));
                marked.push(known.clone());
            }
        }
        marked
    }

    /// Stores a containment in place of the one with this revision, or of none; returns whether it was so.
    pub fn put_containment(&mut self, containment: ContainmentDocument, before: Option<u64>) -> bool {
        let known = self.containments.get(&containment.id).map(|known| known.revision);
        if known == before {
            self.containments.insert(containment.id, containment);
            self.has_holds = true;
        }
        known == before
    }

    /// A page of the containments of some tenants that are due by an instant.
    pub fn due_containments(
        &self,
        is_own: impl Fn(&TenantCode) -> bool,
        by: Timestamp,
        after: Option<DueCursor>,
        rows: usize,
    ) -> Vec<ContainmentDocument> {
        let is_due = |row: &&ContainmentDocument| {
            row.due.is_some_and(|due| {
                due <= by && after.is_none_or(|after| (due, row.id) > (after.due, after.id))
            })
        };
        let own = self.containments.values().filter(|row| is_own(&row.tenant_code));
        let mut page: Vec<ContainmentDocument> = own.filter(is_due).cloned().collect();
        page.sort_by_key(|row| (row.due, row.id));
        page.truncate(rows);
        page
    }

    /// When a reconciler of some tenants has to look next, if ever.
    pub fn looks_at(&self, is_own: impl Fn(&TenantCode) -> bool) -> Option<Timestamp> {
        let tenant_of = |task| self.tasks.get(task).map(|task| &task.head.tenant_code);
        if self.unregistered.iter().filter_map(|(_, task)| tenant_of(task)).any(&is_own) {
            return Some(Timestamp::default());
        }
        self.containments.values().filter(|row| is_own(&row.tenant_code)).filter_map(|row| row.due).min()
    }
}
