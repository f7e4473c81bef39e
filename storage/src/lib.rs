//! Durable data: the `Store` port and its stores, the `Log` port and the journal, and the write-behind between them.

mod address;
mod callback;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod files;
pub mod handoff;
pub mod journal;
pub mod lock;
pub mod log;
pub mod memory;
#[cfg(feature = "mongodb")]
pub mod mongo;
pub mod page;
pub mod private;
pub mod room;
pub mod sqlite;
pub mod store;
pub mod timed;
pub mod write_behind;

#[cfg(feature = "mongodb")]
pub use address::MongoAddress;
pub use address::{AddressError, StoreAddress};
pub use log::Log;
pub use store::{Error, Store};
pub use timed::TimedStore;
