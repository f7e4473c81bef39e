//! The few types that two threads touch: verdict machines, checked by loom as they ship. They own who won,
//! who is let in and how far the journal is; they never wait, and a caller that must wait brings a [`Hook`].
//!
//! To wait for one of them: register interest (with a `tokio::sync::Notify`: make the `notified()` future
//! and enable it), ask again, and only then wait. Hooks run on the thread that made the change, after it is
//! visible and outside every lock; they must be short and must not panic.

pub mod cache_versions;
pub mod controls;
pub mod drain;
pub mod fence;
pub mod gated;
pub mod gates;
pub mod handover;
pub mod lifecycle;
pub mod lock_holders;
pub mod outcome;
pub mod permits;
pub mod revocable;
mod sync;
pub mod target_locks;
pub mod watermark;

pub use cache_versions::CacheVersions;
pub use drain::DrainGate;
pub use gated::GatedTools;
pub use gates::SharedGate;
pub use handover::Handover;
pub use lifecycle::Lifecycle;
pub use outcome::OutcomeCell;
pub use permits::Permits;
pub use sync::{Hook, HookFor};
pub use watermark::DurableWatermark;
