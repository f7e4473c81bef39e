//! The owner of a store on MongoDB: one document in `meta`, changed only if it is unchanged since it was read. Decides
//! nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, RawDocument, doc};
use updraft_protocol::Timestamp;
use uuid::Uuid;

use super::document::id;
use super::{MongoStore, meta};
use crate::store::{Error, Owner, OwnerStore};

const OWNER: &str = "owner";

fn entry(owner: &Owner) -> Document {
    doc! {
        "incarnation": id(owner.incarnation),
        "journal": id(owner.journal),
        "who": &owner.who,
        "since": whole(owner.since.0),
        "beat": whole(owner.beat),
        "released": owner.released,
    }
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
        self.few(meta::entry(self, OWNER, read)).await
    }

    async fn take(&self, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
        self.changeable()?;
        let seen =
            |before: &Owner| doc! { "incarnation": id(before.incarnation), "beat": whole(before.beat) };
        let taken = self.few(meta::put(self, OWNER, entry(owner), before.map(seen))).await?;
        if taken {
            self.ownership.taken(owner.incarnation);
        }
        Ok(taken)
    }

    async fn renew(&self, incarnation: Uuid) -> Result<bool, Error> {
        self.changeable()?;
        let beat = doc! { "$inc": { "beat": 1_i64 } };
        let renewed = self.few(meta::change(self, of(incarnation), beat)).await?;
        if !renewed {
            self.ownership.lost(incarnation);
        }
        Ok(renewed)
    }

    async fn disown(&self, incarnation: Uuid) -> Result<(), Error> {
        self.changeable()?;
        let released = doc! { "$set": { "released": true } };
        self.few(meta::change(self, of(incarnation), released)).await.map(drop)
    }
}
