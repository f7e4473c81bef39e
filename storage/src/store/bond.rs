//! The bond: what a store keeps of itself and of the journal that it takes updates from. Owns its shape; what follows
//! from it is decided in `kernel::pairing`.

use async_trait::async_trait;
use updraft_kernel::pairing::StoreSide;
use uuid::Uuid;

use super::Error;

/// A store's id, and how far it has come with a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    /// The store's own id, random.
    pub store: Uuid,
    /// The id of the journal that it takes updates from.
    pub journal: Uuid,
    /// It has all groups of that journal up to this number.
    pub taken: u64,
    /// Whether both were closed in order, and nothing was written since.
    pub closed: bool,
}

impl Bond {
    /// Why a store notes nothing of a journal that it does not take updates from.
    pub(crate) fn of_another() -> Error {
        Error::Refused("the database takes updates from another journal".to_owned())
    }
}

/// What a store keeps of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing, ever: whether it is the one that a journal belongs to is not asked.
    Nothing,
    /// Nothing yet: it is new.
    New,
    /// This.
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
        let Bond { store, journal, taken, closed } = bond;
        Self { id: store.as_u128(), journal: journal.as_u128(), taken, closed }
    }
}

/// What a store keeps of its bond with a journal. One that keeps none has nothing to implement.
#[async_trait]
pub trait BondStore: Send + Sync + 'static {
    /// What it keeps of itself and of the journal that it takes updates from. One that keeps nothing of the kind is taken
    /// for the one that a journal belongs to wherever it is found.
    async fn kept(&self) -> Result<Kept, Error> {
        Ok(Kept::Nothing)
    }

    /// Keeps a bond instead of what it kept, where that still is `before`; says whether it was. Durable.
    async fn bind(&self, _bond: Bond, _before: Option<Bond>) -> Result<bool, Error> {
        Ok(true)
    }

    /// Notes that it has all groups of its journal up to `taken`, and whether both are closed; as durable as what it has
    /// taken. Refused where it belongs to another journal.
    async fn note(&self, _journal: Uuid, _taken: u64, _closed: bool) -> Result<(), Error> {
        Ok(())
    }
}
