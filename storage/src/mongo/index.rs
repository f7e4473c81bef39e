//! Indexes: created if missing, checked if they exist. Never drops one, and accepts none that differs from its
//! definition.

mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use mongodb::bson::{Bson, Document, doc};
use updraft_protocol::limits::MONGO_SCAN_TIMEOUT;

use super::error::start_error;
use super::{MongoStore, error, meta};
use crate::store::Error;
pub(super) use table::{ALL, EXECUTIONS_BY_USER, Index};

/// Creates the missing indexes.
///
/// # Errors
/// [`Error::Refused`] with every index that differs from its definition: what was found, and what is expected.
pub(super) async fn ensure(store: &MongoStore) -> Result<(), Error> {
    store.few(meta::check_schema(store)).await?;
    let missing = store.few(check(store)).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let made = store.within(MONGO_SCAN_TIMEOUT, create(store, &missing)).await;
    // Another engine may have created them in the meantime, or the collection may add options of its own to its
    // indexes.
    let missing = store.few(check(store)).await?;
    match (missing.first(), made) {
        (None, _) => Ok(()),
        (Some(_), Err(error)) => Err(error),
        (Some(index), Ok(())) => {
            let why = format!("{}: index {} was not made", index.collection, index.name);
            Err(store.placed(Error::Refused(why)))
        }
    }
}

/// The indexes that are missing.
async fn check(store: &MongoStore) -> Result<Vec<Index>, Error> {
    let collections: BTreeSet<_> = ALL.iter().map(|index| index.collection).collect();
    let lists = collections.into_iter().map(async |collection| {
        let found = list(store, collection).await?;
        Ok::<_, Error>((collection, found))
    });
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for (collection, found) in try_join_all(lists).await? {
        for index in ALL.iter().filter(|index| index.collection == collection) {
            match standing(index, &found) {
                Standing::Right => {}
                Standing::Missing => missing.push(*index),
                Standing::Wrong(other) => wrong.push(format!(
                    "{collection}: index {}: found {other}, expected {}",
                    index.name,
                    index.description()
                )),
            }
        }
    }
    if wrong.is_empty() {
        return Ok(missing);
    }
    Err(Error::Refused(format!(
        "{}; once what was found is dropped, a start makes what is expected",
        wrong.join("; ")
    )))
}

/// The state of an index in its collection.
#[derive(Debug, PartialEq)]
enum Standing {
    /// It exists, under any name.
    Right,
    Missing,
    /// Another index has its name or its keys.
    Wrong(Document),
}

fn standing(index: &Index, found: &[Document]) -> Standing {
    let keys = |other: &Document| other.get_document("key").is_ok_and(|keys| index.has_keys(keys));
    let name = |other: &Document| other.get_str("name").is_ok_and(|name| name == index.name);
    // There may be others beside the right one.
    if found.iter().any(|other| keys(other) && options(other) == index.options()) {
        return Standing::Right;
    }
    let wrong = found.iter().find(|other| keys(other) || name(other));
    wrong.map_or(Standing::Missing, |other| Standing::Wrong(described(other)))
}

/// Fields that do not affect the behaviour of an index: its keys, its names, and its storage.
const APART: [&str; 6] = ["v", "key", "name", "ns", "background", "storageEngine"];

/// The options of an index from a server's description, without those that are at their default.
fn options(other: &Document) -> Document {
    let said = |(option, value): &(String, Bson)| {
        let simple = option == "collation"
            && value
                .as_document()
                .is_some_and(|collation| collation.get_str("locale").is_ok_and(|it| it == "simple"));
        !APART.contains(&option.as_str()) && *value != Bson::Boolean(false) && !simple
    };
    other.clone().into_iter().filter(said).collect()
}

/// For an error message: without irrelevant fields.
fn described(other: &Document) -> Document {
    let asked = |(option, _): &(String, Bson)| !["v", "ns"].contains(&option.as_str());
    other.clone().into_iter().filter(asked).collect()
}

async fn list(store: &MongoStore, collection: &str) -> Result<Vec<Document>, Error> {
    let mut indexes = match store.database.run_cursor_command(doc! { "listIndexes": collection }).await {
        Ok(indexes) => indexes,
        Err(error) if error::code(&error) == Some(error::NAMESPACE_NOT_FOUND) => return Ok(Vec::new()),
        Err(error) => return Err(start_error(error)),
    };
    let mut found = Vec::new();
    while indexes.advance().await.map_err(start_error)? {
        found.push(indexes.deserialize_current().map_err(start_error)?);
    }
    Ok(found)
}

/// One collection after the other: each command creates all missing indexes of one.
async fn create(store: &MongoStore, missing: &[Index]) -> Result<(), Error> {
    let collections: BTreeSet<_> = missing.iter().map(|index| index.collection).collect();
    for collection in collections {
        let of_one = missing.iter().filter(|index| index.collection == collection);
        let indexes: Vec<_> = of_one.map(Index::description).collect();
        let made = store.database.run_command(doc! { "createIndexes": collection, "indexes": indexes }).await;
        made.map_err(|error| match error::code(&error) {
            // The server's message names a tenant and a playbook.
            Some(error::DUPLICATE_KEY) => Error::Refused(format!(
                "{collection}: a unique index cannot be made: the collection has documents of the same key"
            )),
            _ => start_error(error),
        })?;
    }
    Ok(())
}
