//! Events in SQLite: lists by the positions in documents. From indexes; changes nothing.

use async_trait::async_trait;
use rusqlite::params;
use updraft_protocol::{ExecutionDocument, ExecutionPositions, TaskDocument, TaskPositions};

use super::query::{EVENTS, EventLists, SUMMARY_OF_EVENTS};
use super::{SqliteStore, read, row};
use crate::page::Row;
use crate::store::{Detail, Error, EventQuery, EventStore};

/// The rows of a list of events.
async fn rows<T: Row + Send + 'static>(
    store: &SqliteStore,
    query: &EventQuery,
    list: fn(&EventLists) -> &str,
    row: fn(&rusqlite::Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let EventQuery { tenant, after, below, detail, limit } = query.clone();
    store
        .read(move |connection| {
            let lists = match detail {
                Detail::Whole => &EVENTS,
                Detail::Summary => &SUMMARY_OF_EVENTS,
            };
            let (at, below) = (after.position.0.cast_signed(), below.0.cast_signed());
            let values = params![tenant.as_str(), at, after.id.as_bytes(), below, read::rows(limit)];
            read::list(connection, list(lists), values, row)
        })
        .await
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn started(
        &self,
        query: &EventQuery,
    ) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error> {
        rows(self, query, |lists| &lists.started, row::execution_event).await
    }

    async fn ended(&self, query: &EventQuery) -> Result<Vec<(ExecutionDocument, ExecutionPositions)>, Error> {
        rows(self, query, |lists| &lists.ended, row::execution_event).await
    }

    async fn waits(&self, query: &EventQuery) -> Result<Vec<(TaskDocument, TaskPositions)>, Error> {
        rows(self, query, |lists| &lists.waits, row::task_event).await
    }
}
