//! The owner of a store that several machines reach: one engine at a time, by a lease that it renews. Owns its shape; who may
//! take it is decided in `kernel::lease`.

use updraft_kernel::lease::Seen;
use updraft_protocol::Timestamp;
use uuid::Uuid;

/// Who has a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which start of which engine: random.
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
