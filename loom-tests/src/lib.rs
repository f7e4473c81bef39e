//! Models of `kernel::shared` and of what is built on it, the code that ships, under loom. Owns what the models
//! share; of that, only the list of bugs is there without `--cfg loom`. Run the models with `.ci/loom`.
//!
//! A model in a module `whole` is explored without a bound, every other one with the preemptions that `.ci/loom`
//! allows. A test whose name begins with `canary` has a model find a bug: a planted bug ([`planted::Bug`]), or callers
//! that misuse the kernel. Canaries run in a patched copy of the kernel and of this crate, which the program `plant`
//! writes. A model that cannot fail proves nothing.

#[cfg(loom)]
mod canary;
#[cfg(loom)]
mod mailbox;
pub mod planted;
#[cfg(loom)]
mod waiters;

#[cfg(loom)]
pub use canary::{catches, catches_misuse};
#[cfg(loom)]
pub use mailbox::Mailbox;
#[cfg(loom)]
pub use waiters::{Waiters, WakeReach};
