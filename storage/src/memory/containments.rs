//! Containments in memory. Knows no task.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use updraft_kernel::containment::DueCursor;
use updraft_protocol::limits::{MEMORY_DOCUMENTS, PAGE_ROWS};
use updraft_protocol::{ContainmentDocument, ContainmentId, TenantCode, Timestamp};

use crate::page;
use crate::store::{ContainmentQuery, ContainmentsOf, Error};

#[derive(Default)]
pub(super) struct Containments(HashMap<ContainmentId, ContainmentDocument>);

impl Containments {
    pub(super) fn put(
        &mut self,
        containment: ContainmentDocument,
        before: Option<u64>,
    ) -> Result<bool, Error> {
        let is_full = self.0.len() >= MEMORY_DOCUMENTS;
        match self.0.entry(containment.id) {
            Entry::Occupied(mut known) => {
                let fits = before == Some(known.get().revision);
                if fits {
                    known.insert(containment);
                }
                Ok(fits)
            }
            Entry::Vacant(_) if before.is_some() => Ok(false),
            Entry::Vacant(_) if is_full => {
                Err(Error::Full(format!("it keeps {MEMORY_DOCUMENTS} containments")))
            }
            Entry::Vacant(free) => {
                free.insert(containment);
                Ok(true)
            }
        }
    }

    pub(super) fn get(&self, tenant: &TenantCode, id: ContainmentId) -> Option<ContainmentDocument> {
        self.0.get(&id).filter(|containment| containment.tenant_code == *tenant).cloned()
    }

    pub(super) fn list(&self, query: &ContainmentQuery) -> Vec<ContainmentDocument> {
        let own = self.0.values().filter(|containment| containment.tenant_code == query.tenant);
        let rows: Vec<&ContainmentDocument> = match &query.of {
            ContainmentsOf::Open => {
                let place = |row: &&ContainmentDocument| (row.open_until, row.id);
                let after = query.after.map(|after| (Some(after.until), after.id));
                let mut rows: Vec<_> = own
                    .filter(|row| row.open_until.is_some() && after.is_none_or(|after| place(row) > after))
                    .collect();
                rows.sort_unstable_by_key(place);
                rows
            }
            ContainmentsOf::Target(target) => {
                let after = query.after.map(|after| after.id);
                let mut rows: Vec<_> = own
                    .filter(|row| row.target == *target && after.is_none_or(|after| row.id > after))
                    .collect();
                rows.sort_unstable_by_key(|row| row.id);
                rows
            }
        };
        page::of(rows.into_iter().cloned(), query.limit.min(PAGE_ROWS))
    }

    pub(super) fn due(
        &self,
        by: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Vec<ContainmentDocument> {
        let is_after = |due, id| after.is_none_or(|after| (due, id) > (after.due, after.id));
        let due = |row: &&ContainmentDocument| row.due.is_some_and(|due| due <= by && is_after(due, row.id));
        let mut rows: Vec<&ContainmentDocument> = self.0.values().filter(due).collect();
        rows.sort_unstable_by_key(|row| (row.due, row.id));
        page::of(rows.into_iter().cloned(), limit.min(PAGE_ROWS))
    }
}
