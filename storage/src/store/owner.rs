//! The owner of a store that several machines reach: one engine at a time, by a lease that it renews. Owns its shape;
//! who may take it is decided in `kernel::lease`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use updraft_kernel::lease::Seen;
use updraft_protocol::Timestamp;
use uuid::Uuid;

use super::Error;

/// The owner of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The start of an engine: random.
    pub incarnation: Uuid,
    /// The id of its journal.
    pub journal: Uuid,
    /// Its process and machine, for people.
    pub who: String,
    /// Since when, by its clock.
    pub since: Timestamp,
    /// How often it has renewed its lease.
    pub beat: u64,
    /// Whether it has given the store back.
    pub released: bool,
}

impl From<&Owner> for Seen {
    fn from(owner: &Owner) -> Self {
        Self {
            incarnation: owner.incarnation.as_u128(),
            journal: owner.journal.as_u128(),
            beat: owner.beat,
            released: owner.released,
        }
    }
}

/// The lease of a store that several machines reach. A store of a single process has nothing to implement.
#[async_trait]
pub trait OwnerStore: Send + Sync + 'static {
    /// Whether several machines reach it, so that an engine owns it by a lease. The next four calls are for such
    /// stores.
    fn is_leased(&self) -> bool {
        false
    }

    /// The owner, or the last owner.
    async fn owner(&self) -> Result<Option<Owner>, Error> {
        Ok(None)
    }

    /// Makes `owner` the owner if the current one still is `before`, with the same beat; returns whether it was.
    /// Durable.
    async fn take(&self, _owner: &Owner, _before: Option<&Owner>) -> Result<bool, Error> {
        Ok(true)
    }

    /// Renews the lease; returns whether this engine still is the owner. An engine that is not can write no more
    /// batches.
    async fn renew(&self, _incarnation: Uuid) -> Result<bool, Error> {
        Ok(true)
    }

    /// Gives the store back, if this engine is the owner.
    async fn disown(&self, _incarnation: Uuid) -> Result<(), Error> {
        Ok(())
    }
}
