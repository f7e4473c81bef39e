//! The bond of a store on MongoDB: one document in `meta`. Judges nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, RawDocument, doc};
use uuid::Uuid;

use super::document::id;
use super::{MongoStore, meta};
use crate::store::{Bond, BondStore, Error, Kept};

const BOND: &str = "bond";

/// What is kept.
pub(super) async fn kept(store: &MongoStore) -> Result<Kept, Error> {
    Ok(meta::entry(store, BOND, read).await?.map_or(Kept::New, Kept::Bond))
}

/// Keeps a bond instead of what was kept, where that is still so; durable when answered.
pub(super) async fn bind(store: &MongoStore, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
    meta::put(store, BOND, entry(bond)?, before.map(entry).transpose()?).await
}

/// Notes how far it has come with a journal, whose it must be; durable when answered.
pub(super) async fn note(store: &MongoStore, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
    let of = doc! { "_id": BOND, "journal": id(journal) };
    let note = doc! { "$set": { "taken": storable(taken)?, "closed": closed } };
    if meta::change(store, of, note).await? { Ok(()) } else { Err(Bond::of_another()) }
}

fn entry(bond: Bond) -> Result<Document, Error> {
    Ok(doc! {
        "store": id(bond.store),
        "journal": id(bond.journal),
        "taken": storable(bond.taken)?,
        "closed": bond.closed,
    })
}

fn read(found: &RawDocument) -> Option<Bond> {
    Some(Bond {
        store: meta::uuid(found, "store")?,
        journal: meta::uuid(found, "journal")?,
        taken: meta::number(found, "taken")?,
        closed: found.get_bool("closed").ok()?,
    })
}

fn storable(taken: u64) -> Result<i64, Error> {
    i64::try_from(taken).map_err(|_| Error::Refused(format!("{taken} is larger than the store can keep")))
}

#[async_trait]
impl BondStore for MongoStore {
    async fn kept(&self) -> Result<Kept, Error> {
        self.few(kept(self)).await
    }

    async fn bind(&self, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
        self.writable()?;
        self.few(bind(self, bond, before)).await
    }

    async fn note(&self, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
        self.writable()?;
        self.few(note(self, journal, taken, closed)).await
    }
}
