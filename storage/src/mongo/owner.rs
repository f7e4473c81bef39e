//! The owner of a store on MongoDB: one document in `meta`, changed only where it is as it was seen. Decides nothing.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, RawDocument, doc};
use updraft_protocol::Timestamp;
use uuid::Uuid;

use super::error::store_error;
use super::meta::durable;
use super::{META, MongoStore, document, error};
use crate::owner::Owner;
use crate::store::Error;

const OWNER: &str = "owner";

/// Who has it.
pub(super) async fn owner(store: &MongoStore) -> Result<Option<Owner>, Error> {
    let found = store.collection(META).find_one(doc! { "_id": OWNER }).await.map_err(store_error)?;
    let unreadable = || Error::Corrupt(format!("meta, {OWNER}: it is none that this version knows"));
    found.map(|found| read(&found).ok_or_else(unreadable)).transpose()
}

/// Makes this one the owner, where it is still that one; durable when answered.
pub(super) async fn take(store: &MongoStore, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
    let entries = store.database.collection::<Document>(META);
    let mut entry = doc! {
        "incarnation": binary(owner.incarnation),
        "journal": binary(owner.journal),
        "who": &owner.who,
        "since": whole(owner.since.0),
        "beat": whole(owner.beat),
        "released": owner.released,
    };
    let Some(before) = before else {
        entry.insert("_id", OWNER);
        return match entries.insert_one(entry).write_concern(durable()).await {
            Ok(_) => Ok(true),
            Err(error) if error::code(&error) == Some(error::DUPLICATE_KEY) => Ok(false),
            Err(error) => Err(store_error(error)),
        };
    };
    let as_seen =
        doc! { "_id": OWNER, "incarnation": binary(before.incarnation), "beat": whole(before.beat) };
    let taking = entries.update_one(as_seen, doc! { "$set": entry }).write_concern(durable());
    Ok(taking.await.map_err(store_error)?.matched_count == 1)
}

/// Renews the lease of this one, where it still is the owner.
pub(super) async fn renew(store: &MongoStore, incarnation: Uuid) -> Result<bool, Error> {
    change(store, incarnation, doc! { "$inc": { "beat": 1_i64 } }).await
}

/// Gives the store back.
pub(super) async fn disown(store: &MongoStore, incarnation: Uuid) -> Result<(), Error> {
    change(store, incarnation, doc! { "$set": { "released": true } }).await.map(drop)
}

async fn change(store: &MongoStore, incarnation: Uuid, change: Document) -> Result<bool, Error> {
    let own = doc! { "_id": OWNER, "incarnation": binary(incarnation) };
    let entries = store.collection(META);
    let changing = entries.update_one(own, change).write_concern(durable());
    Ok(changing.await.map_err(store_error)?.matched_count == 1)
}

fn read(found: &RawDocument) -> Option<Owner> {
    let id = |key: &str| Uuid::from_slice(found.get_binary(key).ok()?.bytes).ok();
    let number = |key: &str| {
        let number = found.get(key).ok().flatten().and_then(document::whole_number)?;
        u64::try_from(number).ok()
    };
    Some(Owner {
        incarnation: id("incarnation")?,
        journal: id("journal")?,
        who: found.get_str("who").ok()?.to_owned(),
        since: Timestamp(number("since")?),
        beat: number("beat")?,
        released: found.get_bool("released").ok()?,
    })
}

fn binary(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
