//! Why Redis did not do what it was asked for. Shows no password and no value.

use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};
use thiserror::Error;

/// What is told of a server's own words.
const TOLD_CHARS: usize = 200;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The settings are not valid.
    #[error("redis: {0}")]
    Configuration(String),
    /// No server answers.
    #[error("redis cannot be reached: {0}")]
    Unreachable(String),
    /// The server refuses the login, or the command.
    #[error("redis refuses: {0}")]
    Refused(String),
    /// The server is a replica, or there is no master.
    #[error("redis has no master: {0}")]
    NotMaster(String),
    /// The server has no room.
    #[error("redis is full: {0}")]
    Full(String),
    /// There was no free connection in time.
    #[error("no connection to redis: {0}")]
    NoConnection(String),
    /// The answer did not come in time.
    #[error("redis is slow")]
    Slow,
    /// Too many calls in a row have failed: the server is left alone for a while.
    #[error("redis is left alone after failures")]
    LeftAlone,
    /// Too many ask at once.
    #[error("too many look-ups at once")]
    Busy,
    /// The server answered with an error.
    #[error("redis failed: {0}")]
    Failed(String),
}

impl Error {
    /// Whether the same may succeed another time.
    pub fn retryable(&self) -> bool {
        !matches!(self, Self::Configuration(_) | Self::Refused(_) | Self::Failed(_))
    }

    /// Whether it says that the connection is of no use any longer.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NotMaster(_) | Self::Slow)
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        let told: String = error.to_string().chars().take(TOLD_CHARS).collect();
        // Of several commands that failed, the first says why.
        let several = error.clone().into_server_errors();
        let first = several.as_ref().and_then(|errors| errors.first()).map(|(_, first)| first);
        let kind = first.and_then(|first| first.kind()).map_or_else(|| error.kind(), ErrorKind::Server);
        match (kind, first.map(ServerError::code).or_else(|| error.code())) {
            (_, Some("OOM")) => Self::Full(told),
            (ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown), _) => {
                Self::NotMaster(told)
            }
            (ErrorKind::Server(ServerErrorKind::NoPerm), _)
            | (ErrorKind::AuthenticationFailed, _)
            | (_, Some("WRONGPASS" | "NOAUTH")) => Self::Refused(told),
            (ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::ClusterDown), _) => {
                Self::Unreachable(told)
            }
            // What no server of Redis says: something else answers there.
            (ErrorKind::Io | ErrorKind::Parse, _) => Self::Unreachable(told),
            (ErrorKind::InvalidClientConfig, _) => Self::Configuration(told),
            _ => Self::Failed(told),
        }
    }
}
