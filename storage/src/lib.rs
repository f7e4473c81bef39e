//! What survives: the `Store` port and its stores, the journal, and the write-behind between them.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod journal;
mod lock;
pub mod sqlite;
pub mod store;
pub mod write_behind;

pub use store::{Error, Store};
