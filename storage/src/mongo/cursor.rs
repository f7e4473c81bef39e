//! Cursors: the documents of a query, without those of other programs in the same collection. Has no query of its own,
//! and changes nothing.

use mongodb::Cursor;
use mongodb::bson::{RawDocument, RawDocumentBuf};
use mongodb::error::Error as DriverError;
use mongodb::options::{FindOptions, Hint};

use super::MongoStore;
use super::error::{self, store_error};
use super::index::Index;
use super::query::Find;
use crate::page::{Room, Row};
use crate::store::Error;

/// Our documents of a query, as many as there is room for.
pub(super) async fn documents<T: Row>(
    store: &MongoStore,
    find: &Find,
    room: Room,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<Vec<T>, Error> {
    ours(store, find.collection, find.limit, room, read, |limit| open(store, find, limit)).await
}

/// Our documents of a query with a variable limit, as many as there is room for. If documents of other programs use up
/// the limit, the query is repeated with twice the limit, until there are no more.
pub(super) async fn ours<T: Row, O>(
    store: &MongoStore,
    collection: &'static str,
    mut limit: Option<usize>,
    room: Room,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
    open: impl Fn(Option<usize>) -> O,
) -> Result<Vec<T>, Error>
where
    O: Future<Output = Result<Cursor<RawDocumentBuf>, DriverError>>,
{
    loop {
        let (found, passed) = collect(open(limit).await.map_err(store_error)?, room, &read).await?;
        let last = limit.is_none_or(|limit| found.len() + passed < limit);
        if last || !room.with(&found).is_left() {
            store.unknown_documents.passed(collection, passed);
            return Ok(found);
        }
        limit = limit.map(|limit| limit.saturating_mul(2));
    }
}

/// Opens the cursor of a query, for so many documents.
pub(super) async fn open(
    store: &MongoStore,
    find: &Find,
    limit: Option<usize>,
) -> Result<Cursor<RawDocumentBuf>, DriverError> {
    let collection = store.collection(find.collection);
    let ask = |index: Option<Index>| {
        let options = FindOptions::builder()
            .sort(find.sort.clone())
            .projection(find.projection.clone())
            .hint(index.map(|index| Hint::Keys(index.key())))
            .limit(limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)))
            // All rows that fit into one message are in the first answer.
            .batch_size(limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)))
            .build();
        collection.find(find.filter.clone()).with_options(options)
    };
    match ask(find.index).await {
        // The index was dropped: a slow query is better than none. The next start creates it again.
        Err(error) if find.index.is_some() && error::code(&error) == Some(error::BAD_VALUE) => {
            ask(None).await
        }
        asked => asked,
    }
}

/// Our documents, as many as there is room for, and the number of other documents that were skipped.
async fn collect<T: Row>(
    mut cursor: Cursor<RawDocumentBuf>,
    mut room: Room,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<(Vec<T>, usize), Error> {
    let (mut documents, mut passed) = (Vec::new(), 0);
    while room.is_left() && cursor.advance().await.map_err(store_error)? {
        match read(cursor.current())? {
            Some(document) => {
                room.take(&document);
                documents.push(document);
            }
            None => passed += 1,
        }
    }
    Ok((documents, passed))
}
