//! Connecting: the configuration of a store on MongoDB. Shows hosts and database in errors, never a login or the value
//! of an option.

mod handshake;
mod pool_mode;
mod settings;

use std::fmt;
use std::time::Duration;

use updraft_protocol::limits::{MONGO_CALL_TIMEOUT, MONGO_SLOW_PING};

pub use pool_mode::PoolMode;

use self::settings::Settings;
use super::MongoStore;
use super::uri::{Uri, database_name};
use crate::store::Error;

/// The configuration of a store on MongoDB. Values that are set here override those of the address, and these override
/// the [`PoolMode`].
#[derive(Clone)]
pub struct MongoBuilder {
    uri: Result<Uri, String>,
    mode: PoolMode,
    settings: Settings,
    database: Option<String>,
    calls: Duration,
    slow_ping: Duration,
    read_only: bool,
}

impl MongoBuilder {
    pub(super) fn new(uri: &str) -> Self {
        Self::at(Uri::parse(uri))
    }

    /// A builder for a checked address.
    pub(crate) fn at(uri: Result<Uri, String>) -> Self {
        Self {
            uri,
            mode: PoolMode::Default,
            settings: Settings::default(),
            database: None,
            calls: MONGO_CALL_TIMEOUT,
            slow_ping: MONGO_SLOW_PING,
            read_only: false,
        }
    }

    /// The use for which the pool is tuned: the defaults of its numbers.
    #[must_use]
    pub fn mode(mut self, mode: PoolMode) -> Self {
        self.mode = mode;
        self
    }

    /// The database; by default that of the address, or `updraft`.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// How long a call that reads or writes a few documents may take; by default 30 s. The driver has no such limit,
    /// and an address cannot set it.
    #[must_use]
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.calls = time;
        self
    }

    /// A ping that takes longer is reported as a trouble; by default 250 ms.
    #[must_use]
    pub fn slow_ping(mut self, threshold: Duration) -> Self {
        self.slow_ping = threshold;
        self
    }

    /// Whether nothing is ever written, not even indexes: for readers of another engine's store.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Connects: finds a server, checks that it is suitable, creates missing indexes, and opens the connections that
    /// are kept. Each part has a limit: the selection timeout for the first answer, the call timeout for each check of
    /// what exists, ten minutes for missing indexes, and ten seconds for the connections.
    ///
    /// # Errors
    /// With hosts and database: [`Error::Refused`] if the configuration is not valid or the server refuses it,
    /// [`Error::Unavailable`] if no server is reached in time.
    pub async fn connect(self) -> Result<MongoStore, Error> {
        let uri =
            self.uri.clone().map_err(|why| Error::Refused(format!("the address of the store: {why}")))?;
        let Some(named) = self.database.as_deref() else { return handshake::connect(self, uri).await };
        database_name(named).map_err(|why| Error::Refused(format!("{uri}: {why}")))?;
        let uri = uri.with_database(named);
        handshake::connect(self, uri).await
    }
}

impl fmt::Debug for MongoBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MongoBuilder");
        shown.field("uri", &self.uri).field("mode", &self.mode);
        shown.field("database", &self.database).field("read_only", &self.read_only).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
