//! Servers for tests: each test starts its own, on a free port and in a folder of its own. Not part of a release.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests call it, and what fails here fails the test"
)]

mod sentinel;
mod server;

pub use sentinel::Sentinel;
pub use server::{RedisServer, RedisServerOptions, RedisTlsFiles};

use std::time::Duration;

use crate::settings::RedisSettings;

impl RedisSettings {
    /// The settings of a test: patient, because the machine is busy, and with few connections.
    ///
    /// # Panics
    /// The address is not valid.
    pub fn for_test(address: &str) -> Self {
        let settings = Self::new(address).unwrap().connections(8).connections_kept(2);
        settings.patience(Duration::from_secs(20)).breaker(3, Duration::from_millis(50))
    }
}
