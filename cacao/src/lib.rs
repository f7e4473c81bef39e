//! CACAO security playbooks, version 2.0: reading them, checking them against the standard, and translating them into
//! playbooks of Updraft and back. Never runs one, has no IO and no clock.

mod check;
pub mod condition;
mod described;
pub mod export;
pub mod finding;
mod import;
pub mod model;
mod object;
mod outline;
mod path;
mod read;
pub mod rule;
pub mod translate;

pub use check::{Checked, check};
pub use export::{Export, LeftOut, export};
pub use finding::{CacaoFinding, Mistakes};
pub use import::{Import, import};
pub use object::{finding_at, object_at};
pub use outline::outline;
pub use read::looks_like_cacao;
pub use rule::{Rule, Support};
pub use translate::{TakenSecret, Translation, translate};
