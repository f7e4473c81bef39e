//! Health: what is wrong with Redis, since when, and how its pool stands.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::error::Error;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTrouble {
    /// Why.
    pub cause: Error,
    /// For how long.
    pub lasted: Duration,
}

/// How Redis stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisHealth {
    /// What is wrong; `None` where nothing is.
    pub trouble: Option<RedisTrouble>,
    /// The figures.
    pub figures: RedisFigures,
}

/// The figures of connections and commands, since the start but for those of connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisFigures {
    /// Open connections.
    pub connections: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed because something was wrong with them.
    pub broken: u64,
    /// Those who had to wait for a connection.
    pub waited: u64,
    /// Those who waited in vain.
    pub waited_in_vain: u64,
    /// How long all have waited, in milliseconds.
    pub waited_ms: u64,
    /// Commands that were answered.
    pub answered: u64,
    /// Commands that failed.
    pub failed: u64,
    /// Look-ups that were not made, because the server is left alone.
    pub left_alone: u64,
    /// How long the answered commands took, in microseconds.
    pub took_us: u64,
    /// Whether the server is left alone.
    pub is_left_alone: bool,
}

/// What is wrong, as the last calls tell.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// Nothing is answered.
    down: Option<(Error, Instant)>,
    /// Nothing is written.
    unwritable: Option<(Error, Instant)>,
}

impl Troubles {
    /// A call has failed.
    pub(crate) fn failed(&self, error: &Error) {
        let mut open = self.open();
        let place = match error {
            // The server is there.
            Error::Full(_) => &mut open.unwritable,
            // These say nothing of the server.
            Error::LeftAlone | Error::Busy | Error::Failed(_) | Error::Configuration(_) => return,
            _ => &mut open.down,
        };
        let since = place.take().map_or_else(Instant::now, |(_, since)| since);
        *place = Some((error.clone(), since));
    }

    /// A call was answered.
    pub(crate) fn answered(&self, is_write: bool) {
        let mut open = self.open();
        open.down = None;
        if is_write {
            open.unwritable = None;
        }
    }

    /// The worst.
    pub(crate) fn worst(&self) -> Option<RedisTrouble> {
        let open = self.open();
        let (cause, since) = open.down.as_ref().or(open.unwritable.as_ref())?;
        Some(RedisTrouble { cause: cause.clone(), lasted: since.elapsed() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
