//! The epochs of the embedded store (`shard_collection`): a row for each virtual shard, whose epoch only rises. Decides
//! nothing.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use uuid::Uuid;

use super::{SqliteStore, fault, write};
use crate::store::{EpochStore, Error, followed};

const CLAIM: &str = "
INSERT INTO shard_collection (_id, owner, epoch) VALUES (?1, ?2, ?3 + 1)
ON CONFLICT (_id) DO UPDATE SET owner = excluded.owner, epoch = max(epoch, ?3) + 1
RETURNING epoch";

/// Claims all of them or none.
fn claim(
    connection: &mut Connection,
    shards: &[VirtualShard],
    owner: Uuid,
    above: u64,
) -> Result<ShardEpochs, Error> {
    let above = followed(above)?;
    let transaction = write::begin(connection).map_err(fault::store_error)?;
    let claimed = |shard: &VirtualShard| {
        let values = params![shard.get(), owner.as_bytes(), above];
        let mut claim = transaction.prepare_cached(CLAIM).map_err(fault::store_error)?;
        let epoch: i64 = claim.query_row(values, |row| row.get(0)).map_err(fault::store_error)?;
        let negative = |_| Error::Corrupt(format!("shard_collection, {}: a negative epoch", shard.get()));
        Ok((*shard, u64::try_from(epoch).map_err(negative)?))
    };
    let epochs = shards.iter().map(claimed).collect::<Result<_, Error>>()?;
    transaction.commit().map_err(fault::store_error)?;
    Ok(epochs)
}

#[async_trait]
impl EpochStore for SqliteStore {
    async fn claim_epochs(
        &self,
        shards: &[VirtualShard],
        owner: Uuid,
        above: u64,
    ) -> Result<ShardEpochs, Error> {
        let shards = shards.to_vec();
        self.change_durably(move |connection| claim(connection, &shards, owner, above)).await
    }
}
