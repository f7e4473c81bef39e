//! A seeded simulation of whole engines: the kernel that ships, inside a model of everything around it that can
//! fail. Owns the models of disk, journal, store, tools and clocks, the invariants of the whole, and
//! the shrinking of what it finds. Never does IO, never reads a clock: a seed is all that a run depends on.
//!
//! What the kernel decides runs as it ships: plan, machine, execution, shard, retry, writer, coalescer,
//! watermark, codec. What
//! the product does with threads, files and a database around it is written again here as a small deterministic model of
//! the same protocol; each file says which file of the product it mirrors.

pub mod campaign;
pub mod chance;
mod client;
mod context;
mod disk;
mod event;
mod execution;
pub mod fault;
mod generator;
mod journal;
pub mod mutant;
mod node;
mod oracle;
mod recovery;
mod registry;
pub mod scenario;
mod shard;
pub mod shrink;
pub mod statistics;
mod store;
mod tool;
mod trace;
mod world;
mod writer;
