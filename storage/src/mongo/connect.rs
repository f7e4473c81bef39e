//! Connecting: what a store on MongoDB is configured with. Shows hosts and database in errors, never a login or the
//! value of an option.

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

/// What a store on MongoDB is connected with. What is set here goes before what the address says, and that
/// before the [`PoolMode`].
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

    /// To connect with an address that was checked before.
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

    /// What the pool is tuned for: its numbers where nobody says others.
    #[must_use]
    pub fn mode(mut self, mode: PoolMode) -> Self {
        self.mode = mode;
        self
    }

    /// The database; that of the address, or `updraft`, unless it is named.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Connections to one server at most (`maxPoolSize`).
    #[must_use]
    pub fn connections(mut self, most: u32) -> Self {
        self.settings.most = Some(most);
        self
    }

    /// Connections that are kept open, and opened before `connect` answers (`minPoolSize`).
    #[must_use]
    pub fn connections_kept(mut self, kept: u32) -> Self {
        self.settings.kept = Some(kept);
        self
    }

    /// Connections that are opened at once (`maxConnecting`).
    #[must_use]
    pub fn connecting(mut self, connections: u32) -> Self {
        self.settings.connecting = Some(connections);
        self
    }

    /// How long a connection that nobody uses is kept (`maxIdleTimeMS`); zero keeps it for ever.
    #[must_use]
    pub fn idle(mut self, time: Duration) -> Self {
        self.settings.idle = Some(time);
        self
    }

    /// How long name look-up, connection and TLS handshake may take (`connectTimeoutMS`).
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.settings.connect = Some(time);
        self
    }

    /// How long a server that can do what is asked is looked for, and how long `connect` waits for the first
    /// answer (`serverSelectionTimeoutMS`).
    #[must_use]
    pub fn selection_timeout(mut self, time: Duration) -> Self {
        self.settings.selection = Some(time);
        self
    }

    /// How long a call that reads or writes a few documents may take: 30 s unless it is said. The driver knows no such
    /// bound, and an address cannot name it.
    #[must_use]
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.calls = time;
        self
    }

    /// The pause between two looks at a server (`heartbeatFrequencyMS`).
    #[must_use]
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.settings.heartbeat = Some(time);
        self
    }

    /// Whether the driver sends a read again that a lost connection cut off (`retryReads`).
    #[must_use]
    pub fn retry_reads(mut self, retry: bool) -> Self {
        self.settings.retry_reads = Some(retry);
        self
    }

    /// Whether the driver sends a write again that a lost connection cut off (`retryWrites`).
    #[must_use]
    pub fn retry_writes(mut self, retry: bool) -> Self {
        self.settings.retry_writes = Some(retry);
        self
    }

    /// The name under which the server's logs know us (`appName`): `updraft` unless it is said.
    #[must_use]
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.settings.app_name = Some(name.into());
        self
    }

    /// A ping that takes longer is a trouble: 250 ms unless it is said.
    #[must_use]
    pub fn slow_ping(mut self, threshold: Duration) -> Self {
        self.slow_ping = threshold;
        self
    }

    /// Whether nothing is ever written, indexes included: for who looks at what another engine does.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Connects: finds a server, checks that it can be worked with, makes the indexes that are missing, and opens the
    /// connections that are kept. Each has a bound of its own: the selection timeout is for the first answer, the
    /// call timeout for each look at what is there, ten minutes for the indexes that are missing, and ten seconds for
    /// the connections.
    ///
    /// # Errors
    /// With hosts and database: [`Error::Refused`] where what is asked makes no sense or the server refuses it,
    /// [`Error::Unavailable`] where no server is reached in time.
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
pub(super) mod fake;
#[cfg(test)]
mod tests;
