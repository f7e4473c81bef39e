//! The port for epochs: the numbers that make what a later owner of a virtual shard writes newer than what an earlier one
//! wrote.

use async_trait::async_trait;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use uuid::Uuid;

use super::Error;

/// The epochs of virtual shards.
#[async_trait]
pub trait EpochStore: Send + Sync + 'static {
    /// Claims virtual shards for an owner, who claims them once: each has from now on an epoch that is higher than every one
    /// that it had and than `above`, and that no other claim is given. Durable when answered. `above` is the highest that the
    /// journal knows: a store that was lost or put back has forgotten those that it gave since, and would take what is written
    /// under a lower one for old.
    ///
    /// An error that can be tried again where others claim the same at the same time; epochs may have risen by then.
    async fn claim_epochs(
        &self,
        shards: &[VirtualShard],
        owner: Uuid,
        above: u64,
    ) -> Result<ShardEpochs, Error>;
}

/// The highest that the journal knows as a number that stores keep, which another can follow.
pub(crate) fn followed(above: u64) -> Result<i64, Error> {
    let above = i64::try_from(above).ok().filter(|above| *above < i64::MAX);
    above.ok_or_else(|| Error::Corrupt("the journal has an epoch that none can follow".to_owned()))
}
