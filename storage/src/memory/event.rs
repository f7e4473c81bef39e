//! Events in the memory store. Walks all that it has: it keeps no index for them, and is small.

use async_trait::async_trait;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{EventPosition, ExecutionDocument, ExecutionPositions, TaskDocument, TaskPositions};
use uuid::Uuid;

use super::MemoryStore;
use super::table::{Table, detailed, execution, task, task_detailed};
use crate::page;
use crate::store::{Detail, Error, EventQuery, EventStore};

fn is_asked(query: &EventQuery, position: EventPosition, id: Uuid) -> bool {
    (position, id) > (query.after.position, query.after.id) && position < query.below
}

impl Table {
    fn executions_by_event(
        &self,
        query: &EventQuery,
        position: fn(&ExecutionPositions) -> Option<EventPosition>,
    ) -> Vec<(ExecutionDocument, ExecutionPositions)> {
        let own = self
            .all_executions()
            .filter(|update| update.head.as_ref().is_some_and(|head| head.tenant_code == query.tenant));
        let mut found: Vec<_> = own
            .filter_map(|update| Some((position(&update.positions)?, update)))
            .filter(|(position, update)| is_asked(query, *position, update.peid.uuid()))
            .collect();
        found.sort_unstable_by_key(|(position, update)| (*position, update.peid));
        let rows = found
            .into_iter()
            .filter_map(|(_, update)| Some((detailed(execution(update)?, query.detail), update.positions)));
        page::of(rows, query.limit.min(PAGE_ROWS))
    }

    fn waits(&self, query: &EventQuery) -> Vec<(TaskDocument, TaskPositions)> {
        let own = self
            .all_tasks()
            .filter(|update| update.head.as_ref().is_some_and(|head| head.tenant_code == query.tenant));
        let mut found: Vec<_> = own
            .filter_map(|update| Some((update.positions.waiting?, update)))
            .filter(|(position, update)| is_asked(query, *position, update.task_id.uuid()))
            .collect();
        found.sort_unstable_by_key(|(position, update)| (*position, update.task_id));
        let rows = found.into_iter().filter_map(|(_, update)| {
            Some((task_detailed(task(update)?, Detail::Summary), update.positions))
        });
        page::of(rows, query.limit.min(PAGE_ROWS))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn started(
        &self,
        query: &EventQuery,
    ) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error> {
        Ok(self.table().executions_by_event(query, |positions| positions.started))
    }

    async fn ended(&self, query: &EventQuery) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error> {
        Ok(self.table().executions_by_event(query, |positions| positions.ended))
    }

    async fn waits(&self, query: &EventQuery) -> Result<Vec<(TaskDocument, TaskPositions)>, Error> {
        Ok(self.table().waits(query))
    }
}
