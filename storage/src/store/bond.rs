//! The bond: a store's note of itself and of its journal. Owns its shape; its consequences are decided in
//! `kernel::pairing`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use updraft_kernel::pairing::StoreSide;
use uuid::Uuid;

use super::Error;

/// A store's id, and how far it has come with its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// The store's own id, random.
    pub store: Uuid,
    /// The id of the journal that it takes updates from.
    pub journal: Uuid,
    /// It has all groups of that journal up to this number.
    pub taken: u64,
    /// Whether both were closed in order, and nothing was written since.
    pub closed: bool,
    /// Which numbering of groups that is: it rises where numbers may come again, as with another journal, so that the
    /// positions of events never fall.
    pub generation: u32,
}

impl Bond {
    /// The error for a note of a journal that is not the store's own.
    pub(crate) fn of_another() -> Error {
        Error::Refused("the database takes updates from another journal".to_owned())
    }
}

/// The note of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It keeps no notes: it is not checked whether a journal belongs to it.
    Nothing,
    /// Nothing yet: it is new.
    New,
    /// This bond.
    Bond(Bond),
}

impl Kept {
    /// The bond, if there is one.
    pub fn bond(&self) -> Option<Bond> {
        match self {
            Self::Nothing | Self::New => None,
            Self::Bond(bond) => Some(*bond),
        }
    }
}

impl From<Bond> for StoreSide {
    fn from(bond: Bond) -> Self {
        let Bond { store, journal, taken, closed, generation: _ } = bond;
        Self { id: store.as_u128(), journal: journal.as_u128(), taken, closed }
    }
}

/// A store's note of its journal. A store without notes has nothing to implement.
#[async_trait]
pub trait BondStore: Send + Sync + 'static {
    /// Its note of itself and of its journal. A store without notes is taken for the journal's own wherever it is
    /// found.
    async fn kept(&self) -> Result<Kept, Error> {
        Ok(Kept::Nothing)
    }

    /// Replaces its bond if that still is `before`; returns whether it was. Durable.
    async fn bind(&self, _bond: Bond, _before: Option<Bond>) -> Result<bool, Error> {
        Ok(true)
    }

    /// Notes that it has all groups of its journal up to `taken`, and whether both are closed; as durable as its other
    /// writes. Refused if it belongs to another journal.
    async fn note(&self, _journal: Uuid, _taken: u64, _closed: bool) -> Result<(), Error> {
        Ok(())
    }
}
