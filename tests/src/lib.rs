//! What the end-to-end suites share: a tool and a clock that do as a test says, a place with an engine's data,
//! a server that writes down who called it, a proxy with faults, and the time limit of a test. Ships with nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "only tests call it, and what fails here fails the test"
)]

pub mod clock;
pub mod crash;
pub mod finished_run;
pub mod harness;
pub mod mount;
pub mod power_loss_disk;
pub mod proxy;
pub mod quiet;
pub mod soak;
pub mod timeouts;
pub mod tool;
pub mod tool_server;

pub use clock::TestClock;
pub use finished_run::FinishedRun;
pub use harness::{
    Harness, another_owner, asked, completed, locks, named, not_started, playbook, program, started, tenant,
};
pub use mount::Mount;
pub use power_loss_disk::PowerLossDisk;
pub use proxy::MongoProxy;
pub use timeouts::{soon, until};
pub use tool::Tool;
pub use tool_server::{ToolAct, ToolServer};
