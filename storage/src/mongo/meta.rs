//! The store's entries about itself (`meta`): the schema, and how entries are read and changed. No data of tenants.

#[cfg(test)]
mod tests;

use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::options::{Acknowledgment, ReturnDocument, WriteConcern};
use updraft_protocol::limits::MONGO_CONFIRM;
use uuid::Uuid;

use super::error::{start_error, store_error};
use super::{META, MongoStore, document, error};
use crate::store::Error;

/// The schema that is read and written; none was released before it.
pub const SCHEMA: u32 = 19;

/// How often an entry is tried that another process creates at the same time; the second try finds it.
const TRIES: u32 = 4;

/// Refuses a database of another version; records the version in a new one.
pub(super) async fn check_schema(store: &MongoStore) -> Result<(), Error> {
    let found = store.collection(META).find_one(doc! { "_id": "schema" }).await.map_err(start_error)?;
    let stored = match found {
        Some(stored) => stored,
        None if store.read_only => return Ok(()),
        None => upsert(store, "schema", doc! { "$setOnInsert": { "value": i64::from(SCHEMA) } }).await?,
    };
    let found = value(&stored, "schema")?;
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if found == SCHEMA {
        Ok(())
    } else {
        Err(Error::Schema { place: store.uri.to_string(), found, known: SCHEMA })
    }
}

/// A write concern that survives any fault of a single server; the wait for a majority is limited.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MONGO_CONFIRM).build()
}

/// Changes an entry, or creates it; durable when it returns.
async fn upsert(store: &MongoStore, id: &str, update: Document) -> Result<RawDocumentBuf, Error> {
    let entries = store.collection(META);
    for _ in 0..TRIES {
        let change = entries
            .find_one_and_update(doc! { "_id": id }, update.clone())
            .upsert(true)
            .return_document(ReturnDocument::After)
            .write_concern(durable());
        match change.await {
            Ok(Some(entry)) => return Ok(entry),
            // Another process created it at the same time: now it can be changed.
            Ok(None) => {}
            Err(error) if error::code(&error) == Some(error::DUPLICATE_KEY) => {}
            Err(error) => return Err(start_error(error)),
        }
    }
    Err(Error::Unavailable(format!("meta, {id}: it is not there after {TRIES} tries to make it")))
}

/// An entry, read by `read`.
pub(super) async fn entry<T>(
    store: &MongoStore,
    id: &str,
    read: impl Fn(&RawDocument) -> Option<T>,
) -> Result<Option<T>, Error> {
    let found = store.collection(META).find_one(doc! { "_id": id }).await.map_err(store_error)?;
    let unreadable = || Error::Corrupt(format!("meta, {id}: not an entry that this version knows"));
    found.map(|found| read(&found).ok_or_else(unreadable)).transpose()
}

/// Sets an entry if it is unchanged since it was read, or if there still is none; returns whether it did. Durable when
/// it returns.
pub(super) async fn put(
    store: &MongoStore,
    id: &str,
    mut entry: Document,
    seen: Option<Document>,
) -> Result<bool, Error> {
    if let Some(mut seen) = seen {
        seen.insert("_id", id);
        return change(store, seen, doc! { "$set": entry }).await;
    }
    entry.insert("_id", id);
    let entries = store.database.collection::<Document>(META);
    match entries.insert_one(entry).write_concern(durable()).await {
        Ok(_) => Ok(true),
        Err(error) if error::code(&error) == Some(error::DUPLICATE_KEY) => Ok(false),
        Err(error) => Err(store_error(error)),
    }
}

/// Changes the entry of a filter; returns whether there was one. Durable when it returns.
pub(super) async fn change(store: &MongoStore, filter: Document, change: Document) -> Result<bool, Error> {
    let entries = store.collection(META);
    let changed = entries.update_one(filter, change).write_concern(durable()).await.map_err(store_error)?;
    Ok(changed.matched_count == 1)
}

/// A number of an entry.
pub(super) fn number(entry: &RawDocument, key: &str) -> Option<u64> {
    entry.get(key).ok().flatten().and_then(document::whole_number)?.try_into().ok()
}

/// An id of an entry.
pub(super) fn uuid(entry: &RawDocument, key: &str) -> Option<Uuid> {
    Uuid::from_slice(entry.get_binary(key).ok()?.bytes).ok()
}

fn value(entry: &RawDocument, id: &str) -> Result<u64, Error> {
    number(entry, "value")
        .ok_or_else(|| Error::Corrupt(format!("meta, {id}: no number that this version knows")))
}
