//! The decisions of Updraft: the checked plan, the execution machine, sharding, the writer with its coalescer, and the
//! few types that two threads share. No IO, no clock, no randomness, nothing that waits.

pub mod backlog;
pub mod batch_limit;
pub mod call_gate;
pub mod circuit;
pub mod coalescer;
pub mod condition;
pub mod containment;
pub mod day_quota;
pub mod execution;
pub mod fair_queue;
pub mod guardrail;
pub mod idempotency;
mod instant;
pub mod invariant;
pub mod item_files;
pub mod item_splitter;
pub mod lease;
pub mod machine;
mod meter;
mod mistake;
pub mod outline;
pub mod pairing;
pub mod plan;
pub mod rate;
mod references;
pub mod rerun;
pub mod retry;
pub mod shard;
pub mod shard_epochs;
pub mod shared;
pub mod template;
pub mod tool_versions;
pub mod virtual_shard;
pub mod visible;
pub mod watch;
pub mod writer;
