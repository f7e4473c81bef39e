//! Playbooks without a network: the machine that ships, driven in one thread by a clock of its own, with answers that are
//! written down. Owns dry runs, test cases, and past executions run through another version. No IO, no threads, no store.

pub mod answers;
mod authored;
pub mod case;
pub mod compare;
pub mod difference;
mod driver;
pub mod expect;
pub mod file;
pub mod mask;
pub mod plans;
pub mod record;
pub mod recorded;
pub mod start;
pub mod trace;

pub use driver::run;

#[cfg(test)]
mod testing;
