//! The epoch of a store on MongoDB: a number in `meta` that only rises. Judges nothing.

use async_trait::async_trait;
use mongodb::bson::doc;

use super::MongoStore;
use super::meta::{upsert, value};
use crate::store::{EpochStore, Error};

/// A new epoch, higher than every one before and than `above`.
async fn next_epoch(store: &MongoStore, above: u64) -> Result<u64, Error> {
    let next = async || value(&upsert(store, "epoch", doc! { "$inc": { "value": 1_i64 } }).await?, "epoch");
    let epoch = next().await?;
    if epoch > above {
        return Ok(epoch);
    }
    let above = i64::try_from(above).ok().filter(|above| *above < i64::MAX);
    let above =
        above.ok_or_else(|| Error::Corrupt("the journal has an epoch that none can follow".to_owned()))?;
    // It only ever rises: whoever raises it in between is below the next one too.
    upsert(store, "epoch", doc! { "$max": { "value": above } }).await?;
    next().await
}

#[async_trait]
impl EpochStore for MongoStore {
    async fn next_epoch(&self, above: u64) -> Result<u64, Error> {
        self.writable()?;
        self.few(next_epoch(self, above)).await
    }
}
