//! The port for epochs: the numbers that make what a later owner writes newer.

use async_trait::async_trait;

use super::Error;

/// Epochs.
#[async_trait]
pub trait EpochStore: Send + Sync + 'static {
    /// A new epoch, higher than every one that it gave before and than `above`, durable when answered. `above` is the
    /// highest that the journal knows: a store that was lost or put back has forgotten those that it gave since, and would
    /// take what is written under a lower one for old.
    async fn next_epoch(&self, above: u64) -> Result<u64, Error>;
}
