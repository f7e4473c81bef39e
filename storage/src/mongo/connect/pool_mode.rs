//! Modes: the settings of a connection pool for each use.

use std::time::Duration;

use updraft_protocol::limits::{
    MONGO_CONNECT_TIMEOUT, MONGO_CONNECTING, MONGO_CONNECTIONS, MONGO_CONNECTIONS_KEPT, MONGO_HEARTBEAT,
    MONGO_IDLE, MONGO_SELECTION_TIMEOUT,
};

use super::settings::Settings;

/// The name of this program in a server's logs.
const APP_NAME: &str = "updraft";

/// The use for which a pool is tuned.
///
/// | | `Default` | `HighThroughput` | `LowLatency` |
/// | --- | --- | --- | --- |
/// | connections at most | 100 | 200 | 100 |
/// | kept open | 10 | 20 | 50 |
/// | opened at once | 2 | 8 | 8 |
/// | idle at most | 30 min | 30 min | 60 min |
/// | connect timeout | 10 s | 10 s | 5 s |
/// | selection timeout | 5 s | 5 s | 2 s |
/// | heartbeat | 10 s | 10 s | 5 s |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PoolMode {
    /// A backend among others on its server.
    #[default]
    Default,
    /// Many executions at once: more connections, opened faster.
    HighThroughput,
    /// Short answer times, also after a lull, and quick detection of a lost server.
    LowLatency,
}

impl PoolMode {
    /// Every setting.
    pub(super) fn settings(self) -> Settings {
        let default = Settings {
            connections: Some(MONGO_CONNECTIONS),
            connections_kept: Some(MONGO_CONNECTIONS_KEPT),
            connecting: Some(MONGO_CONNECTING),
            idle: Some(MONGO_IDLE),
            connect_timeout: Some(MONGO_CONNECT_TIMEOUT),
            selection_timeout: Some(MONGO_SELECTION_TIMEOUT),
            heartbeat: Some(MONGO_HEARTBEAT),
            retry_reads: Some(true),
            retry_writes: Some(true),
            app_name: Some(APP_NAME.to_owned()),
        };
        match self {
            Self::Default => default,
            Self::HighThroughput => Settings {
                connections: Some(2 * MONGO_CONNECTIONS),
                connections_kept: Some(2 * MONGO_CONNECTIONS_KEPT),
                connecting: Some(4 * MONGO_CONNECTING),
                ..default
            },
            Self::LowLatency => Settings {
                connections_kept: Some(5 * MONGO_CONNECTIONS_KEPT),
                connecting: Some(4 * MONGO_CONNECTING),
                idle: Some(2 * MONGO_IDLE),
                connect_timeout: Some(Duration::from_secs(5)),
                selection_timeout: Some(Duration::from_secs(2)),
                heartbeat: Some(Duration::from_secs(5)),
                ..default
            },
        }
    }
}
