//! The owner of a store on MongoDB: one entry of `meta`, changed only if it is unchanged since it was read; and which
//! engine took the store through these connections. Decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use uuid::Uuid;

use super::{MongoStore, meta};
use crate::store::{Error, Owner, OwnerStore};

const OWNER: &str = "owner";

fn of(incarnation: Uuid) -> Document {
    doc! { "_id": OWNER, "incarnation": incarnation.to_string() }
}

/// The engine that took the store through these connections, and whether another one has taken it from it.
#[derive(Default)]
pub(super) struct Holder(Mutex<Option<(Uuid, bool)>>);

impl Holder {
    /// Whether another engine has taken the store.
    pub(super) fn has_lost(&self) -> bool {
        self.held().is_some_and(|(_, lost)| lost)
    }

    /// In place of any engine that had it through these connections before.
    fn takes(&self, incarnation: Uuid) {
        *self.held() = Some((incarnation, false));
    }

    fn held(&self) -> MutexGuard<'_, Option<(Uuid, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ignored if the engine was already replaced by one with the same connections.
    fn loses(&self, incarnation: Uuid) {
        if let Some((holder, lost)) = &mut *self.held() {
            *lost |= *holder == incarnation;
        }
    }
}

#[async_trait]
impl OwnerStore for MongoStore {
    fn is_leased(&self) -> bool {
        !self.read_only
    }

    async fn owner(&self) -> Result<Option<Owner>, Error> {
        self.few(meta::entry(self, OWNER)).await
    }

    async fn take(&self, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
        self.changeable()?;
        let taken = self.few(meta::put(self, OWNER, owner, before)).await?;
        if taken {
            self.holder.takes(owner.incarnation);
        }
        Ok(taken)
    }

    async fn renew(&self, incarnation: Uuid) -> Result<bool, Error> {
        self.changeable()?;
        let beat = doc! { "$inc": { "beat": 1_i64 } };
        let renewed = self.few(meta::change(self, of(incarnation), beat)).await?;
        if !renewed {
            self.holder.loses(incarnation);
        }
        Ok(renewed)
    }

    async fn disown(&self, incarnation: Uuid) -> Result<(), Error> {
        self.changeable()?;
        let released = doc! { "$set": { "released": true } };
        self.few(meta::change(self, of(incarnation), released)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_lost_by_the_one_that_has_it_and_had_again_by_the_next() {
        let (holder, [one, two]) = (Holder::default(), [1, 2].map(Uuid::from_u128));
        holder.loses(one);
        assert!(!holder.has_lost(), "nobody took it");
        holder.takes(one);
        holder.takes(two);
        holder.loses(one);
        assert!(!holder.has_lost(), "the first was followed here");
        holder.loses(two);
        assert!(holder.has_lost());
        holder.takes(one);
        assert!(!holder.has_lost());
    }
}
