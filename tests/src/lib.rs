//! What the end-to-end suites share: a tool and a clock that do as a test says, a place with an engine's data,
//! a server that writes down who called it, a proxy with faults, and the patience of a test. Ships with nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "only tests call it, and what fails here fails the test"
)]

pub mod clock;
pub mod crash;
pub mod lab;
pub mod mount;
pub mod patience;
pub mod platter;
pub mod proxy;
pub mod quiet;
pub mod ran;
pub mod server;
pub mod soak;
pub mod tool;

pub use clock::TestClock;
pub use lab::{Lab, named, playbook, tenant};
pub use mount::Mount;
pub use patience::{soon, until};
pub use platter::Platter;
pub use proxy::Proxy;
pub use ran::Ran;
pub use server::{Act, Server};
pub use tool::Tool;
