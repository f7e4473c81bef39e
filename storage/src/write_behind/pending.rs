//! What waits for the store, for who watches. Decides nothing by it.

use serde::{Deserialize, Serialize};

/// What waits for the store or is on its way to it; the newest of each document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Documents.
    pub documents: usize,
    /// Bytes of their updates.
    pub bytes: usize,
}
