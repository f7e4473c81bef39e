//! The updates that wait for the store, for monitoring. Decides nothing.

use serde::{Deserialize, Serialize};

/// The updates that wait for the store or are on their way to it; the newest of each document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Documents.
    pub documents: usize,
    /// Bytes of their updates.
    pub bytes: usize,
}
