//! The epochs of a store on MongoDB (`shard_collection`): a document for each virtual shard, created once, whose epoch
//! only rises. Decides nothing.

use async_trait::async_trait;
use mongodb::bson::{Document, RawDocument, doc};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use uuid::Uuid;

use super::error::{start_error, store_error};
use super::{MongoStore, SHARDS, dead_letter, document, meta};
use crate::store::{EpochStore, Error, followed};

/// How often a claim is tried that races with another one.
const TRIES: u32 = 4;

async fn claim(
    store: &MongoStore,
    shards: &[VirtualShard],
    owner: Uuid,
    above: u64,
) -> Result<ShardEpochs, Error> {
    let above_whole = followed(above)?;
    let ids: Vec<_> = shards.iter().map(|shard| i32::from(shard.get())).collect();
    let all = doc! { "_id": { "$in": &ids } };
    for _ in 0..TRIES {
        let raise = doc! { "$inc": { "epoch": 1_i64 }, "$set": { "owner": document::id(owner) } };
        if change(store, all.clone(), raise).await? < shards.len() as u64 {
            make(store, &ids, owner).await?;
            continue;
        }
        let claimed = claimed(store, doc! { "_id": { "$in": &ids }, "owner": document::id(owner) }).await?;
        if claimed.iter().any(|(_, epoch)| *epoch <= above) {
            // They only rise: a concurrent raise is lower than the next epoch too.
            change(store, all.clone(), doc! { "$max": { "epoch": above_whole } }).await?;
        } else if claimed.len() == shards.len() {
            let of = |shard: &VirtualShard| {
                let found = claimed.iter().find(|(id, _)| *id == u64::from(shard.get()));
                found.map(|(_, epoch)| (*shard, *epoch))
            };
            return Ok(shards.iter().filter_map(of).collect());
        }
    }
    Err(Error::Unavailable(format!("{SHARDS}: others claim the same at the same time")))
}

/// Changes documents durably; returns their number.
async fn change(store: &MongoStore, of: Document, change: Document) -> Result<u64, Error> {
    let changed = store.collection(SHARDS).update_many(of, change).write_concern(meta::durable()).await;
    Ok(changed.map_err(start_error)?.matched_count)
}

/// Creates the missing documents.
async fn make(store: &MongoStore, ids: &[i32], owner: Uuid) -> Result<(), Error> {
    let new = ids.iter().map(|id| doc! { "_id": id, "owner": document::id(owner), "epoch": 0_i64 });
    let shards = store.database.collection::<Document>(SHARDS);
    match shards.insert_many(new).ordered(false).write_concern(meta::durable()).await {
        Err(error) if !dead_letter::only_there(&error) => Err(start_error(error)),
        _ => Ok(()),
    }
}

/// The numbers and the epochs of the documents of a filter.
async fn claimed(store: &MongoStore, of: Document) -> Result<Vec<(u64, u64)>, Error> {
    let read = |shard: &RawDocument| Some((meta::number(shard, "_id")?, meta::number(shard, "epoch")?));
    let mut found = store.collection(SHARDS).find(of).await.map_err(store_error)?;
    let mut claimed = Vec::new();
    while found.advance().await.map_err(store_error)? {
        let unreadable = || Error::Corrupt(format!("{SHARDS}: not a document that this version knows"));
        claimed.push(read(found.current()).ok_or_else(unreadable)?);
    }
    Ok(claimed)
}

#[async_trait]
impl EpochStore for MongoStore {
    async fn claim_epochs(
        &self,
        shards: &[VirtualShard],
        owner: Uuid,
        above: u64,
    ) -> Result<ShardEpochs, Error> {
        self.writable()?;
        self.few(claim(self, shards, owner, above)).await
    }
}
