//! What survives: the `Store` port and its stores, the journal, and the write-behind between them.

mod address;
pub mod bond;
mod callback;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod handoff;
mod health;
pub mod journal;
pub mod lock;
pub mod memory;
pub mod mongo;
pub mod owner;
pub mod page;
pub mod private;
pub mod room;
pub mod sqlite;
pub mod store;
pub mod write_behind;

pub use address::{AddressError, MongoAddress, StoreAddress};
pub use store::{Error, Store};
