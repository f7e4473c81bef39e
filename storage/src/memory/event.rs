//! Events in the memory store. Walks all that it has: it keeps no index for them, and is small.

use async_trait::async_trait;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{EventPosition, ExecutionDocument, ExecutionState, TaskDocument};
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
        position: fn(&ExecutionState) -> Option<EventPosition>,
    ) -> Vec<ExecutionDocument> {
        let own = self
            .all_executions()
            .filter(|update| update.head.as_ref().is_some_and(|head| head.tenant_code == query.tenant));
        let mut found: Vec<_> = own
            .filter_map(|update| Some((position(&update.state)?, update)))
            .filter(|(position, update)| is_asked(query, *position, update.peid.uuid()))
            .collect();
        found.sort_unstable_by_key(|(position, update)| (*position, update.peid));
        let documents = found.into_iter().filter_map(|(_, update)| execution(update));
        page::of(documents.map(|document| detailed(document, query.detail)), query.limit.min(PAGE_ROWS))
    }

    fn waits(&self, query: &EventQuery) -> Vec<TaskDocument> {
        let own = self
            .all_tasks()
            .filter(|update| update.head.as_ref().is_some_and(|head| head.tenant_code == query.tenant));
        let mut found: Vec<_> = own
            .filter_map(|update| Some((update.state.waiting_position?, update)))
            .filter(|(position, update)| is_asked(query, *position, update.task_id.uuid()))
            .collect();
        found.sort_unstable_by_key(|(position, update)| (*position, update.task_id));
        let tasks = found.into_iter().filter_map(|(_, update)| task(update));
        page::of(tasks.map(|task| task_detailed(task, Detail::Summary)), query.limit.min(PAGE_ROWS))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn started(&self, query: &EventQuery) -> Result<Vec<ExecutionDocument>, Error> {
        Ok(self.table().executions_by_event(query, |state| state.started_position))
    }

    async fn ended(&self, query: &EventQuery) -> Result<Vec<ExecutionDocument>, Error> {
        Ok(self.table().executions_by_event(query, |state| state.ended_position))
    }

    async fn waits(&self, query: &EventQuery) -> Result<Vec<TaskDocument>, Error> {
        Ok(self.table().waits(query))
    }
}
