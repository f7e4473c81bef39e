//! The bond of a store on MongoDB: one document in `meta`. Judges nothing.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, RawDocument, doc};
use uuid::Uuid;

use super::error::store_error;
use super::meta::durable;
use super::{META, MongoStore, document, error};
use crate::bond::{Bond, Kept};
use crate::store::Error;

const BOND: &str = "bond";

/// What is kept.
pub(super) async fn kept(store: &MongoStore) -> Result<Kept, Error> {
    let found = store.collection(META).find_one(doc! { "_id": BOND }).await.map_err(store_error)?;
    let Some(found) = found else { return Ok(Kept::New) };
    read(&found)
        .map(Kept::Bond)
        .ok_or_else(|| Error::Corrupt(format!("meta, {BOND}: it is none that this version knows")))
}

/// Keeps a bond instead of what was kept, where that is still so; durable when answered.
pub(super) async fn bind(store: &MongoStore, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
    let entries = store.database.collection::<Document>(META);
    let mut bond = entry(bond)?;
    let Some(before) = before else {
        bond.insert("_id", BOND);
        return match entries.insert_one(bond).write_concern(durable()).await {
            Ok(_) => Ok(true),
            Err(error) if error::code(&error) == Some(error::DUPLICATE_KEY) => Ok(false),
            Err(error) => Err(store_error(error)),
        };
    };
    let mut as_seen = entry(before)?;
    as_seen.insert("_id", BOND);
    let binding = entries.update_one(as_seen, doc! { "$set": bond }).write_concern(durable());
    Ok(binding.await.map_err(store_error)?.matched_count == 1)
}

/// Notes how far it has come with a journal, whose it must be; durable when answered.
pub(super) async fn note(store: &MongoStore, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
    let of = doc! { "_id": BOND, "journal": binary(journal) };
    let note = doc! { "$set": { "taken": storable(taken)?, "closed": closed } };
    let entries = store.collection(META);
    let noting = entries.update_one(of, note).write_concern(durable());
    if noting.await.map_err(store_error)?.matched_count == 1 { Ok(()) } else { Err(Bond::of_another()) }
}

fn entry(bond: Bond) -> Result<Document, Error> {
    Ok(doc! {
        "store": binary(bond.store),
        "journal": binary(bond.journal),
        "taken": storable(bond.taken)?,
        "closed": bond.closed,
    })
}

fn read(found: &RawDocument) -> Option<Bond> {
    let id = |key: &str| {
        let bytes = found.get_binary(key).ok()?.bytes;
        Uuid::from_slice(bytes).ok()
    };
    let taken = found.get("taken").ok().flatten().and_then(document::whole_number)?;
    Some(Bond {
        store: id("store")?,
        journal: id("journal")?,
        taken: u64::try_from(taken).ok()?,
        closed: found.get_bool("closed").ok()?,
    })
}

fn binary(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

fn storable(taken: u64) -> Result<i64, Error> {
    i64::try_from(taken).map_err(|_| Error::Refused(format!("{taken} is larger than the store can keep")))
}
