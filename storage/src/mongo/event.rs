//! Events in MongoDB: lists by the positions in documents. From indexes; changes nothing.

use async_trait::async_trait;
use mongodb::bson::{Bson, doc};
use updraft_protocol::{ExecutionDocument, ExecutionPositions, TaskDocument, TaskPositions};

use super::query::{self, Find, List};
use super::{EXECUTIONS, MongoStore, TASKS, document};
use crate::store::{Detail, Error, EventQuery, EventStore};

/// The list of a collection in the order of a position, as finds that follow each other.
fn events(collection: &'static str, position: &'static str, asked: &EventQuery, detail: Detail) -> Vec<Find> {
    // The rows of the place's own position are found by their ids alone.
    if asked.after.position >= asked.below {
        return Vec::new();
    }
    let of = doc! { "tenant_code": asked.tenant.as_str() };
    let within = doc! { "$lt": asked.below.0.cast_signed() };
    let projection = match (collection, detail) {
        (TASKS, _) => query::task_summary(),
        (_, Detail::Summary) => query::execution_summary(),
        (_, Detail::Whole) => None,
    };
    let after = asked.after;
    let after = (Bson::from(after.position.0.cast_signed()), document::id(after.id).into());
    let order = [position, "_id"];
    List { collection, of, order, descending: false, within, projection }.page(Some(after), asked.limit)
}

#[async_trait]
impl EventStore for MongoStore {
    async fn started(
        &self,
        query: &EventQuery,
    ) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error> {
        self.page(events(EXECUTIONS, "started_position", query, query.detail), query.detail).await
    }

    async fn ended(&self, query: &EventQuery) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error> {
        self.page(events(EXECUTIONS, "ended_position", query, query.detail), query.detail).await
    }

    async fn waits(&self, query: &EventQuery) -> Result<Vec<(TaskDocument, TaskPositions)>, Error> {
        self.page(events(TASKS, "waiting_position", query, Detail::Summary), Detail::Summary).await
    }
}
