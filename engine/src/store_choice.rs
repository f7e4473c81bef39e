//! The choice of a store: which one an engine is started with, and how the data directory notes it. Opens nothing.

use std::sync::Arc;

use updraft_storage::{Store, StoreAddress};

/// Which store.
#[derive(Clone)]
pub(crate) enum StoreChoice {
    /// Opened at the start.
    At(StoreAddress),
    /// The embedder's own.
    Given(Arc<dyn Store>),
    /// Nowhere but in memory, and the journal with it.
    Memory,
}

/// How a store that the embedder opened is noted: the engine knows only that it is none at an address.
pub(crate) const GIVEN: &str = "given";

impl StoreChoice {
    /// How the data directory notes the store; none where there is no journal.
    pub(crate) fn noted(&self) -> Option<String> {
        match self {
            Self::At(address) => Some(noted(address)),
            Self::Given(_) => Some(GIVEN.to_owned()),
            Self::Memory => None,
        }
    }
}

/// How the data directory notes the store at an address.
pub(crate) fn noted(address: &StoreAddress) -> String {
    address.to_string()
}
