//! The owner of a store on MongoDB: one document in `meta`, changed only where it is as it was seen. Decides nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, RawDocument, doc};
use updraft_protocol::Timestamp;
use uuid::Uuid;

use super::document::id;
use super::{MongoStore, meta};
use crate::store::{Error, Owner, OwnerStore};

const OWNER: &str = "owner";

/// The engine that has the store, or had it last.
pub(super) async fn owner(store: &MongoStore) -> Result<Option<Owner>, Error> {
    meta::entry(store, OWNER, read).await
}

/// Makes this engine the owner where the owner is still `before`; durable when answered.
pub(super) async fn take(store: &MongoStore, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
    let entry = doc! {
        "incarnation": id(owner.incarnation),
        "journal": id(owner.journal),
        "who": &owner.who,
        "since": whole(owner.since.0),
        "beat": whole(owner.beat),
        "released": owner.released,
    };
    let seen = |before: &Owner| doc! { "incarnation": id(before.incarnation), "beat": whole(before.beat) };
    meta::put(store, OWNER, entry, before.map(seen)).await
}

/// Renews the lease of this engine, where it still is the owner.
pub(super) async fn renew(store: &MongoStore, incarnation: Uuid) -> Result<bool, Error> {
    meta::change(store, of(incarnation), doc! { "$inc": { "beat": 1_i64 } }).await
}

/// Gives the store back.
pub(super) async fn disown(store: &MongoStore, incarnation: Uuid) -> Result<(), Error> {
    meta::change(store, of(incarnation), doc! { "$set": { "released": true } }).await.map(drop)
}

fn of(incarnation: Uuid) -> Document {
    doc! { "_id": OWNER, "incarnation": id(incarnation) }
}

fn read(found: &RawDocument) -> Option<Owner> {
    Some(Owner {
        incarnation: meta::uuid(found, "incarnation")?,
        journal: meta::uuid(found, "journal")?,
        who: found.get_str("who").ok()?.to_owned(),
        since: Timestamp(meta::number(found, "since")?),
        beat: meta::number(found, "beat")?,
        released: found.get_bool("released").ok()?,
    })
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl OwnerStore for MongoStore {
    fn is_leased(&self) -> bool {
        !self.read_only
    }

    async fn owner(&self) -> Result<Option<Owner>, Error> {
        self.few(owner(self)).await
    }

    async fn take(&self, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
        self.changeable()?;
        let taken = self.few(take(self, owner, before)).await?;
        if taken {
            self.ownership.taken(owner.incarnation);
        }
        Ok(taken)
    }

    async fn renew(&self, incarnation: Uuid) -> Result<bool, Error> {
        self.changeable()?;
        let renewed = self.few(renew(self, incarnation)).await?;
        if !renewed {
            self.ownership.lost(incarnation);
        }
        Ok(renewed)
    }

    async fn disown(&self, incarnation: Uuid) -> Result<(), Error> {
        self.changeable()?;
        self.few(disown(self, incarnation)).await
    }
}
