//! Who does it: the actors of shards, executions, tasks and the storage writer, their supervision and
//! timers. They act on what `kernel` decides, after the journal has it.

mod brood;
pub mod clock;
mod commit;
pub mod control;
pub mod core;
pub mod doomed;
pub mod event;
mod execution;
mod gauge;
pub mod left;
pub mod live;
pub mod missing;
pub mod node;
pub mod places;
pub mod plans;
pub mod registry;
mod revive;
pub mod secrets;
mod sent;
mod shard;
mod task;
pub mod tenure;
pub mod timer;
mod writer;

pub use clock::{Clock, SystemClock};
pub use control::{CancelVerdict, Control, Inspection};
pub use core::Core;
pub use event::{Event, EventKind};
pub use live::{Live, Lost, Outcome};
pub use missing::MissingOne;
pub use node::Node;
pub use secrets::Secrets;
pub use shard::Launch;
