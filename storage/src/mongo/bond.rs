//! The bond of a store on MongoDB: one document in `meta`. Judges nothing.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawDocument, doc};
use uuid::Uuid;

use super::fault::store_error;
use super::meta::durable;
use super::{META, MongoStore, document};
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

/// Keeps a bond instead of what was kept; durable when answered.
pub(super) async fn bind(store: &MongoStore, bond: Bond) -> Result<(), Error> {
    let bond = doc! {
        "store": binary(bond.store),
        "journal": binary(bond.journal),
        "taken": storable(bond.taken)?,
        "closed": bond.closed,
    };
    let entries = store.collection(META);
    let binding = entries.update_one(doc! { "_id": BOND }, doc! { "$set": bond }).upsert(true);
    binding.write_concern(durable()).await.map(drop).map_err(store_error)
}

/// Notes how far it has come with a journal, where it is that one's; durable when answered.
pub(super) async fn note(store: &MongoStore, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
    let of = doc! { "_id": BOND, "journal": binary(journal) };
    let note = doc! { "$set": { "taken": storable(taken)?, "closed": closed } };
    let entries = store.collection(META);
    entries.update_one(of, note).write_concern(durable()).await.map(drop).map_err(store_error)
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
