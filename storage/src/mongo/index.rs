//! Indexes: created if missing. Never drops one: the server refuses those that are there with other fields or options.

mod table;

#[cfg(test)]
mod tests;

use mongodb::bson::doc;
use mongodb::error::{CommandError, Error as DriverError, ErrorKind};
use updraft_protocol::limits::MONGO_SCAN_TIMEOUT;

use super::error::{self, start_error};
use super::{MongoStore, meta};
use crate::store::Error;
use table::{ALL, Index};

/// Another index has its fields, or its name.
const DIFFERS: [i32; 2] = [85, 86];

/// Creates the missing indexes.
///
/// # Errors
/// [`Error::Refused`] with an index that differs from its definition, as the server describes it.
pub(super) async fn ensure(store: &MongoStore) -> Result<(), Error> {
    store.few(meta::check_schema(store)).await?;
    store.few(check_collations(store)).await?;
    store.within(MONGO_SCAN_TIMEOUT, create(store)).await
}

/// Refuses collections that may not tell tenants apart.
async fn check_collations(store: &MongoStore) -> Result<(), Error> {
    let collated =
        store.database.list_collections().filter(doc! { "options.collation": { "$exists": true } });
    let mut collated = collated.await.map_err(start_error)?;
    while collated.advance().await.map_err(start_error)? {
        let name = collated.deserialize_current().map_err(start_error)?.name;
        if ALL.iter().any(|index| index.collection == name) {
            return Err(Error::Refused(format!("{name}: the collection has a collation of its own")));
        }
    }
    Ok(())
}

/// One collection after the other: each command creates all missing indexes of one.
async fn create(store: &MongoStore) -> Result<(), Error> {
    for of_one in ALL.chunk_by(|one, other| one.collection == other.collection) {
        let Some(Index { collection, .. }) = of_one.first() else { continue };
        let indexes: Vec<_> = of_one.iter().map(Index::definition).collect();
        let made =
            store.database.run_command(doc! { "createIndexes": *collection, "indexes": indexes }).await;
        made.map_err(|error| refused(collection, error))?;
    }
    Ok(())
}

fn refused(collection: &str, error: DriverError) -> Error {
    match error.kind.as_ref() {
        // Its words are those of definitions, not of documents.
        ErrorKind::Command(CommandError { code, message, .. }) if DIFFERS.contains(code) => {
            Error::Refused(format!(
                "{collection}: an index is not as expected ({message}); once it is dropped, a start makes the right one"
            ))
        }
        // The server's words name a tenant and a playbook.
        ErrorKind::Command(CommandError { code: error::DUPLICATE_KEY, .. }) => Error::Refused(format!(
            "{collection}: a unique index cannot be made: the collection has documents of the same key"
        )),
        _ => start_error(error),
    }
}
