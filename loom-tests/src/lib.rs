//! Models of `kernel::shared`, the code that ships, under loom. Owns what the models share; empty without
//! `--cfg loom`. Run them with `.ci/loom`.
//!
//! Each model is a function of the operations that it checks, so that the same model runs over the type that
//! ships and, as a canary, over a copy of it with a known race: a model that cannot fail proves nothing.

#[cfg(loom)]
mod canary;
#[cfg(loom)]
mod waiters;

#[cfg(loom)]
pub use canary::catches;
#[cfg(loom)]
pub use waiters::{Waiters, Wake};
