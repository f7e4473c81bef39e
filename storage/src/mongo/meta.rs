//! What the store keeps of itself (`meta`): the schema, and the epoch that it gave last. No data of tenants.

#[cfg(test)]
mod tests;

use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::options::{Acknowledgment, ReturnDocument, WriteConcern};
use updraft_protocol::limits::MONGO_CONFIRM;

use super::error::start_error;
use super::{META, MongoStore, document, error};
use crate::store::Error;

/// The schema that is read and written; none was released before it.
pub const SCHEMA: u32 = 2;

/// How often an entry is asked for that others make at the same time; the second try finds it.
const TRIES: u32 = 4;

/// Refuses a database that another version wrote; says in a new one which version that was.
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

/// A new epoch, higher than every one before and than `above`.
pub(super) async fn next_epoch(store: &MongoStore, above: u64) -> Result<u64, Error> {
    let next = async || value(&upsert(store, "epoch", doc! { "$inc": { "value": 1_i64 } }).await?, "epoch");
    let epoch = next().await?;
    if epoch > above {
        return Ok(epoch);
    }
    let above = i64::try_from(above).ok().filter(|above| *above < i64::MAX);
    let above =
        above.ok_or_else(|| Error::Corrupt("the journal has an epoch that none can follow".to_owned()))?;
    // It only ever rises: whoever raises it in between is below the next one too.
    upsert(store, "epoch", doc! { "$max": { "value": above } }).await?;
    next().await
}

/// What survives whatever a single server can suffer; a majority that does not answer is waited for only so long.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MONGO_CONFIRM).build()
}

/// Changes an entry, or makes it; durable when answered.
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
            // Another made it at the same time: now it is there to be changed.
            Ok(None) => {}
            Err(error) if error::code(&error) == Some(error::DUPLICATE_KEY) => {}
            Err(error) => return Err(start_error(error)),
        }
    }
    Err(Error::Unavailable(format!("meta, {id}: it is not there after {TRIES} tries to make it")))
}

fn value(entry: &RawDocument, id: &str) -> Result<u64, Error> {
    let value = entry.get("value").ok().flatten().and_then(document::whole_number);
    let value = value.and_then(|value| u64::try_from(value).ok());
    value.ok_or_else(|| Error::Corrupt(format!("meta, {id}: no number that this version knows")))
}
