//! Modes: the numbers of a connection pool for each use.

use std::time::Duration;

use updraft_protocol::limits::{
    MONGO_CONNECT_TIMEOUT, MONGO_CONNECTING, MONGO_CONNECTIONS, MONGO_CONNECTIONS_KEPT, MONGO_HEARTBEAT,
    MONGO_IDLE, MONGO_SELECTION_TIMEOUT,
};

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

/// The numbers of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) most: u32,
    pub(super) kept: u32,
    pub(super) connecting: u32,
    pub(super) idle: Duration,
    pub(super) connect: Duration,
    pub(super) selection: Duration,
    pub(super) heartbeat: Duration,
}

impl PoolMode {
    pub(super) const fn numbers(self) -> Numbers {
        let default = Numbers {
            most: MONGO_CONNECTIONS,
            kept: MONGO_CONNECTIONS_KEPT,
            connecting: MONGO_CONNECTING,
            idle: MONGO_IDLE,
            connect: MONGO_CONNECT_TIMEOUT,
            selection: MONGO_SELECTION_TIMEOUT,
            heartbeat: MONGO_HEARTBEAT,
        };
        match self {
            Self::Default => default,
            Self::HighThroughput => Numbers {
                most: 2 * MONGO_CONNECTIONS,
                kept: 2 * MONGO_CONNECTIONS_KEPT,
                connecting: 4 * MONGO_CONNECTING,
                ..default
            },
            Self::LowLatency => Numbers {
                kept: 5 * MONGO_CONNECTIONS_KEPT,
                connecting: 4 * MONGO_CONNECTING,
                idle: Duration::from_secs(2 * MONGO_IDLE.as_secs()),
                connect: Duration::from_secs(5),
                selection: Duration::from_secs(2),
                heartbeat: Duration::from_secs(5),
                ..default
            },
        }
    }
}
