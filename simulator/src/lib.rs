//! A seeded simulation of whole engines: the shipped kernel, inside a model of everything around it that can fail. Owns
//! the models of disk, journal, store, tools and clocks, the invariants of the whole, and the shrinking of findings.
//! Never does IO, never reads a clock: a run depends on its seed alone.
//!
//! The kernel runs as it ships: plan, machine, execution, shard, retry, writer, coalescer, watermark, codec. The
//! threads, files and database of the product are replaced by a small deterministic model of the same protocol; each
//! file names the file of the product that it mirrors.

pub mod admission;
pub mod campaign;
pub mod chance;
pub mod client;
pub mod context;
pub mod disk;
pub mod event;
pub mod execution;
pub mod fault;
pub mod generator;
pub mod journal;
pub mod mutant;
pub mod node;
pub mod oracle;
pub mod recovery;
pub mod registry;
pub mod scenario;
pub mod shard;
pub mod shrink;
pub mod statistics;
pub mod store;
pub mod tool;
pub mod trace;
pub mod world;
pub mod writer;
