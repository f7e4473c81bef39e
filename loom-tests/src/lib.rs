//! Models of `kernel::shared` and of what is built on it, the code that ships, under loom. Owns what the models
//! share; nothing of it is there without `--cfg loom`. Run them with `.ci/loom`.
//!
//! A model in a module `whole` is explored without a bound, every other one with the preemptions that `.ci/loom`
//! allows. A test whose name begins with `canary` has a model find a bug: one that is planted in the code that
//! ships (`updraft_kernel::shared::planted::Bug`), or callers that misuse it. A model that cannot fail
//! proves nothing.

#[cfg(loom)]
mod canary;
#[cfg(loom)]
mod mailbox;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
#[cfg(loom)]
mod waiters;

#[cfg(loom)]
pub use canary::{catches, catches_misuse};
#[cfg(loom)]
pub use mailbox::Mailbox;
#[cfg(loom)]
pub use waiters::{Waiters, WakeReach};
