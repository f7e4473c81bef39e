//! The choice of a store for an engine, and its note in the data directory. Opens nothing.

use std::sync::Arc;

use updraft_storage::{Store, StoreAddress};

/// The chosen store.
#[derive(Clone)]
pub(crate) enum StoreChoice {
    /// Opened at the start.
    At(StoreAddress),
    /// Opened by the embedding application.
    Given(Arc<dyn Store>),
    /// In memory only, without a journal.
    Memory,
}

/// The note of a store that the embedding application opened, whose place the engine does not know.
pub(crate) const GIVEN: &str = "given";

impl StoreChoice {
    /// The note of the store in the data directory; `None` without a journal.
    pub(crate) fn noted(&self) -> Option<String> {
        match self {
            Self::At(address) => Some(noted(address)),
            Self::Given(_) => Some(GIVEN.to_owned()),
            Self::Memory => None,
        }
    }
}

/// The note of the store at an address.
pub(crate) fn noted(address: &StoreAddress) -> String {
    address.to_string()
}
