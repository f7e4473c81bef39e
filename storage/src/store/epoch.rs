//! The port for epochs: numbers that make the writes of a later owner of a virtual shard newer than those of an earlier
//! one.

use async_trait::async_trait;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use uuid::Uuid;

use super::Error;

/// The epochs of virtual shards.
#[async_trait]
pub trait EpochStore: Send + Sync + 'static {
    /// Claims virtual shards for an owner, who claims them once: each gets an epoch that is higher than all its earlier
    /// ones and than `above`, and that no other claim gets. Durable when it returns. `above` is the highest epoch that
    /// the journal knows: a store that was lost or restored has forgotten its later epochs, and would treat writes
    /// under a lower one as old.
    ///
    /// A retryable error if other processes claim the same at the same time; epochs may have risen by then.
    async fn claim_epochs(
        &self,
        shards: &[VirtualShard],
        owner: Uuid,
        above: u64,
    ) -> Result<ShardEpochs, Error>;
}

/// The highest epoch of the journal as a number that stores can keep and exceed.
pub(crate) fn followed(above: u64) -> Result<i64, Error> {
    let above = i64::try_from(above).ok().filter(|above| *above < i64::MAX);
    above.ok_or_else(|| Error::Corrupt("the journal has an epoch that none can follow".to_owned()))
}
