//! The store's entries about itself (`meta`): the schema, and how entries are read and changed. No data of tenants.

#[cfg(test)]
mod tests;

use mongodb::bson::{Document, RawDocument, deserialize_from_document, doc, serialize_to_document};
use mongodb::error::Error as DriverError;
use mongodb::options::{Acknowledgment, WriteConcern};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use updraft_protocol::limits::MONGO_CONFIRM;

use super::error::{start_error, store_error};
use super::{META, MongoStore, document, error};
use crate::store::Error;

/// The schema that is read and written; none was released before it.
pub const SCHEMA: u32 = 22;

/// The entry of the schema.
#[derive(Serialize, Deserialize)]
struct Schema {
    value: u32,
}

/// Refuses a database of another version; records the version in a new one.
pub(super) async fn check_schema(store: &MongoStore) -> Result<(), Error> {
    let found = match entry(store, "schema").await? {
        None if store.read_only => return Ok(()),
        None if put(store, "schema", &Schema { value: SCHEMA }, None).await? => return Ok(()),
        // Another process recorded it at the same time.
        None => entry(store, "schema").await?,
        found => found,
    };
    match found.map(|Schema { value }| value) {
        Some(SCHEMA) => Ok(()),
        Some(found) => Err(Error::Schema { place: store.uri.to_string(), found, known: SCHEMA }),
        None => Err(Error::Unavailable("meta, schema: it is not there".to_owned())),
    }
}

/// A write concern that survives any fault of a single server; the wait for a majority is limited.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MONGO_CONFIRM).build()
}

/// An entry.
pub(super) async fn entry<T: DeserializeOwned>(store: &MongoStore, id: &str) -> Result<Option<T>, Error> {
    let entries = store.database.collection::<Document>(META);
    let found = entries.find_one(doc! { "_id": id }).await.map_err(start_error)?;
    let unreadable = |_| Error::Corrupt(format!("meta, {id}: not an entry that this version knows"));
    found.map(|found| deserialize_from_document(found).map_err(unreadable)).transpose()
}

/// Sets an entry if it is unchanged since it was read, or if there still is none; returns whether it did. Durable when
/// it returns.
pub(super) async fn put<T: Serialize>(
    store: &MongoStore,
    id: &str,
    entry: &T,
    seen: Option<&T>,
) -> Result<bool, Error> {
    let document = |entry: &T| {
        let document = serialize_to_document(entry);
        document.map_err(|_| Error::Refused(format!("meta, {id}: larger than the store can keep")))
    };
    let mut new = document(entry)?;
    if let Some(seen) = seen {
        let mut seen = document(seen)?;
        seen.insert("_id", id);
        return change(store, seen, doc! { "$set": new }).await;
    }
    new.insert("_id", id);
    let entries = store.database.collection::<Document>(META);
    let inserted = entries.insert_one(new).write_concern(durable()).await;
    unless_there(inserted).map_err(start_error)
}

/// Whether an insert was made; it was not if a document has its key.
pub(super) fn unless_there<T>(inserted: Result<T, DriverError>) -> Result<bool, DriverError> {
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if error::code(&error) == Some(error::DUPLICATE_KEY) => Ok(false),
        Err(error) => Err(error),
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
