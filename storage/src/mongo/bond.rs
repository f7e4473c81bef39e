//! The bond of a store on MongoDB: one document in `meta`. Judges nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, RawDocument, doc};
use uuid::Uuid;

use super::document::id;
use super::{MongoStore, meta};
use crate::store::{Bond, BondStore, Error, Kept};

const BOND: &str = "bond";

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
        let kept = self.few(meta::entry(self, BOND, read)).await?;
        Ok(kept.map_or(Kept::New, Kept::Bond))
    }

    async fn bind(&self, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
        self.writable()?;
        self.few(async { meta::put(self, BOND, entry(bond)?, before.map(entry).transpose()?).await }).await
    }

    async fn note(&self, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
        self.writable()?;
        let of = doc! { "_id": BOND, "journal": id(journal) };
        self.few(async {
            let note = doc! { "$set": { "taken": storable(taken)?, "closed": closed } };
            if meta::change(self, of, note).await? { Ok(()) } else { Err(Bond::of_another()) }
        })
        .await
    }
}
