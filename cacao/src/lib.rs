//! CACAO security playbooks, version 2.0: reading them, checking them against the standard, and translating them into
//! playbooks of Updraft and back. Never runs one, has no IO and no clock.

pub mod finding;
pub mod model;
pub mod rule;

pub use finding::{CacaoFinding, Mistakes};
pub use rule::{Rule, Support};
