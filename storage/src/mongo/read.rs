//! Reads: the documents of a query, without those of other programs in the same collection. Limits are capped. Changes
//! nothing.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use mongodb::Cursor as DriverCursor;
use mongodb::bson::RawDocumentBuf;
use updraft_protocol::ExecutionDocument;
use updraft_protocol::limits::PAGE_ROWS;

use super::document::Stored;
use super::error::store_error;
use super::query::{self, Find};
use super::{EXECUTIONS, MongoStore};
use crate::page::{self, Room};
use crate::store::{Detail, Error, PlaybookRuntime, SlowestQuery};

impl MongoStore {
    /// The document of a find.
    pub(super) async fn one<T: Stored>(&self, find: Find) -> Result<Option<T>, Error> {
        Ok(self.few(self.found(&find, Detail::Whole)).await?.pop())
    }

    /// A page of finds that follow each other.
    pub(super) async fn page<T: Stored>(&self, finds: Vec<Find>, detail: Detail) -> Result<Vec<T>, Error> {
        self.few(self.rows(&finds, detail)).await
    }

    /// Pages of executions as one, newest first.
    pub(super) async fn merged(
        &self,
        pages: Vec<Vec<Find>>,
        detail: Detail,
    ) -> Result<Vec<ExecutionDocument>, Error> {
        // Whole documents one page after the other, since each may be full.
        let at_once = if detail == Detail::Whole { 1 } else { pages.len().max(1) };
        let limit = pages.iter().flatten().next().map_or(0, |find| find.limit);
        let merge = async {
            let mut found = Vec::new();
            for some in pages.chunks(at_once) {
                let read = some.iter().map(|finds| self.rows(finds, detail));
                found.extend(try_join_all(read).await?.into_iter().flatten());
                found.sort_unstable_by_key(|execution: &ExecutionDocument| {
                    Reverse((execution.head.createddate, execution.peid))
                });
                // A page that ended early because it was full fills this one.
                found = page::of(found, limit);
            }
            Ok(found)
        };
        self.few(merge).await
    }

    async fn rows<T: Stored>(&self, finds: &[Find], detail: Detail) -> Result<Vec<T>, Error> {
        let parts = try_join_all(finds.iter().map(|find| self.found(find, detail))).await?;
        Ok(page::of(parts.into_iter().flatten(), finds.first().map_or(0, |find| find.limit)))
    }

    /// Our documents of a find, as many as there is room for. If documents of other programs use up the limit, the find
    /// is repeated with twice the limit, until there are no more.
    pub(super) async fn found<T: Stored>(&self, find: &Find, detail: Detail) -> Result<Vec<T>, Error> {
        let mut limit = find.limit;
        // To the server, a limit of 0 means none.
        while limit > 0 {
            let (mut found, mut passed, mut room) = (Vec::new(), 0, Room::of(find.limit));
            let mut cursor = self.open(find, limit).await?;
            while room.is_left() && cursor.advance().await.map_err(store_error)? {
                match T::read(find.collection, cursor.current(), detail)? {
                    Some(document) => {
                        room.take(&document);
                        found.push(document);
                    }
                    None => passed += 1,
                }
            }
            if !room.is_left() || found.len() + passed < limit {
                self.unknown_documents.passed(find.collection, passed);
                return Ok(found);
            }
            limit = limit.saturating_mul(2);
        }
        Ok(Vec::new())
    }

    /// Opens the cursor of a find, for so many documents.
    pub(super) async fn open(
        &self,
        find: &Find,
        limit: usize,
    ) -> Result<DriverCursor<RawDocumentBuf>, Error> {
        let collection = self.collection(find.collection);
        let mut asked = collection.find(find.filter.clone()).sort(find.sort.clone());
        if let Some(projection) = &find.projection {
            asked = asked.projection(projection.clone());
        }
        // All rows that fit into one message are in the first answer.
        asked = asked.batch_size(u32::try_from(limit).unwrap_or(u32::MAX));
        asked.limit(i64::try_from(limit).unwrap_or(i64::MAX)).await.map_err(store_error)
    }
}

/// The slowest playbooks.
pub(super) async fn slowest(store: &MongoStore, asked: &SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
    let limit = asked.top.min(PAGE_ROWS);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let executions = store.collection(EXECUTIONS);
    let groups = executions.aggregate(query::slowest(asked, limit));
    let mut groups = groups.with_type::<RawDocumentBuf>().await.map_err(store_error)?;
    let mut slowest = Vec::new();
    while groups.advance().await.map_err(store_error)? {
        slowest.extend(PlaybookRuntime::read(EXECUTIONS, groups.current(), Detail::Whole)?);
    }
    Ok(slowest)
}

/// The collections in which documents of other programs were found, and logged. Clones share it.
#[derive(Clone, Default)]
pub(super) struct UnknownDocuments(Arc<Mutex<BTreeSet<&'static str>>>);

impl UnknownDocuments {
    /// Counts documents that were skipped.
    fn passed(&self, collection: &'static str, documents: usize) {
        if documents == 0 {
            return;
        }
        metrics::counter!("updraft_store_unknown_documents_total", "store" => "mongodb", "collection" => collection)
            .increment(documents as u64);
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(collection) {
            tracing::warn!(collection, documents, "documents of other programs are passed over; logged once");
        }
    }
}
