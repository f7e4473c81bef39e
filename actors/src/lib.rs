//! The actors of shards, executions and the storage writer, the attempts of tasks, their supervision and timers. They
//! carry out the decisions of `kernel` once the log has them.

pub mod abandoned;
pub mod admission;
pub mod backlog;
mod child;
pub mod clock;
mod commit;
pub mod context;
pub mod control;
pub mod entry;
pub mod event;
mod execution;
pub mod gates;
mod gauge;
pub mod guardrails;
mod inbox;
pub mod lease_check;
mod load;
pub mod missing;
pub mod node;
pub mod pauses;
pub mod plans;
mod poisoned;
pub mod queued;
pub mod quotas;
pub mod registry;
pub mod router;
pub mod secrets;
mod sent;
mod shard;
pub mod single_call;
mod snapshot;
pub mod target_locks;
mod task;
pub mod timer;
pub mod tools;
mod writer;

pub use clock::{Clock, SystemClock};
pub use context::EngineContext;
pub use control::{CancelVerdict, Control, Inspection};
pub use entry::{ExecutionOutcome, Lost, RegistryEntry};
pub use event::{Event, EventKind};
pub use missing::MissingOne;
pub use node::Node;
pub use secrets::Secrets;
pub use shard::address::Launch;
