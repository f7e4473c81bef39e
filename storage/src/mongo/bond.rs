//! The bond of a store on MongoDB: one entry of `meta`. Judges nothing.

use async_trait::async_trait;
use mongodb::bson::doc;
use uuid::Uuid;

use super::{MongoStore, meta};
use crate::store::{Bond, BondStore, Error, Kept};

const BOND: &str = "bond";

#[async_trait]
impl BondStore for MongoStore {
    async fn kept(&self) -> Result<Kept, Error> {
        let kept = self.few(meta::entry(self, BOND)).await?;
        Ok(kept.map_or(Kept::New, Kept::Bond))
    }

    async fn bind(&self, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
        self.writable()?;
        self.few(meta::put(self, BOND, &bond, before.as_ref())).await
    }

    async fn note(&self, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
        self.writable()?;
        let of = doc! { "_id": BOND, "journal": journal.to_string() };
        let taken = i64::try_from(taken)
            .map_err(|_| Error::Refused(format!("{taken} is larger than the store can keep")))?;
        let note = doc! { "$set": { "taken": taken, "closed": closed } };
        if self.few(meta::change(self, of, note)).await? { Ok(()) } else { Err(Bond::of_another()) }
    }
}
