//! Modes: the settings of a pool for each use.

use std::time::Duration;

use updraft_protocol::limits::{
    REDIS_COMMAND_TIMEOUT, REDIS_CONNECT_TIMEOUT, REDIS_CONNECTIONS, REDIS_CONNECTIONS_KEPT, REDIS_IDLE,
    REDIS_RETRIES, REDIS_WAIT,
};

/// The use for which a pool is tuned.
///
/// | | `Default` | `HighThroughput` | `LowLatency` |
/// | --- | --- | --- | --- |
/// | connections at most | 80 | 160 | 80 |
/// | kept open | 15 | 30 | 40 |
/// | idle at most | 20 min | 20 min | 60 min |
/// | connect timeout | 5 s | 5 s | 2 s |
/// | command timeout | 10 s | 10 s | 2 s |
/// | wait for a connection | 15 s | 15 s | 3 s |
/// | retries | 5 | 5 | 2 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RedisPoolMode {
    /// A backend among others on its server.
    #[default]
    Default,
    /// Many commands at once: more connections.
    HighThroughput,
    /// Short answer times, also after a lull, and quick detection of a lost server.
    LowLatency,
}

/// The numbers of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolNumbers {
    pub(crate) connections: u32,
    pub(crate) connections_kept: u32,
    pub(crate) idle: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) wait: Duration,
    pub(crate) retries: u32,
}

impl RedisPoolMode {
    /// Every number.
    pub(crate) fn numbers(self) -> PoolNumbers {
        let default = PoolNumbers {
            connections: REDIS_CONNECTIONS,
            connections_kept: REDIS_CONNECTIONS_KEPT,
            idle: REDIS_IDLE,
            connect_timeout: REDIS_CONNECT_TIMEOUT,
            command_timeout: REDIS_COMMAND_TIMEOUT,
            wait: REDIS_WAIT,
            retries: REDIS_RETRIES,
        };
        let seconds = Duration::from_secs;
        match self {
            Self::Default => default,
            Self::HighThroughput => PoolNumbers {
                connections: REDIS_CONNECTIONS * 2,
                connections_kept: REDIS_CONNECTIONS_KEPT * 2,
                ..default
            },
            Self::LowLatency => PoolNumbers {
                connections_kept: 40,
                idle: REDIS_IDLE * 3,
                connect_timeout: seconds(2),
                command_timeout: seconds(2),
                wait: seconds(3),
                retries: 2,
                ..default
            },
        }
    }
}
