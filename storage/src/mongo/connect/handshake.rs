//! The handshake with a server: one time limit from the name look-up to the first answer, the checks of the server, and
//! the cause if no server answers. Shows no login and no value of an option.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind};
use mongodb::event::EventHandler;
use mongodb::options::{
    ClientOptions, ConnectionString, DatabaseOptions, ReadPreference, SelectionCriteria, Tls,
};
use updraft_protocol::limits::{MONGO_CONNECT_TIMEOUT, MONGO_SELECTION_TIMEOUT, MONGO_TIMEOUT_MAX};

use super::{MongoBuilder, settings};
use crate::mongo::monitor::Monitor;
use crate::mongo::pool::Pool;
use crate::mongo::read::UnknownDocuments;
use crate::mongo::server::Server;
use crate::mongo::uri::Uri;
use crate::mongo::{MongoStore, driver_thread, error, health, index, meta};
use crate::store::Error;

/// The shortest wait for a first answer: invalid settings are found in that time.
const LEAST: Duration = Duration::from_millis(100);

/// The findings when a server answers.
struct Found {
    client: Client,
    hello: Document,
    /// The most connections.
    most: u32,
    /// The read preference of the address.
    reads: Option<SelectionCriteria>,
}

/// Connects, checks, and prepares the database.
pub(super) async fn connect(builder: MongoBuilder, uri: Uri) -> Result<MongoStore, Error> {
    let (pool, monitor) = (Pool::default(), Monitor::default());
    let refused = |why: String| Error::Refused(format!("{uri}: {why}"));
    let most = MONGO_TIMEOUT_MAX.as_millis();
    settings::within("call_timeout", Some(builder.calls.as_millis()), 1, most).map_err(refused)?;
    let found = answer(&builder, &uri, &pool, &monitor).await?;
    let server = Server::of(found.hello).map_err(refused)?;
    // Recovery and idempotency must read from the primary; a mere reader may read elsewhere.
    let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
    let reads = found.reads.filter(|_| builder.read_only).unwrap_or(primary);
    let reads = DatabaseOptions::builder().selection_criteria(reads).build();
    let store = MongoStore {
        database: found.client.database_with_options(uri.database_or_default(), reads),
        client: found.client,
        server,
        call_timeout: builder.calls,
        pool,
        monitor,
        unknown_documents: UnknownDocuments::default(),
        health: health::Terms { slow_ping: builder.slow_ping, connections: found.most },
        uri: Arc::new(uri),
        read_only: builder.read_only,
        holder: Arc::default(),
    };
    if builder.read_only {
        store.few(meta::check_schema(&store)).await?;
    } else {
        index::ensure(&store).await?;
        // Opens the connections that are kept.
        let warm = store.client.warm_connection_pool();
        if tokio::time::timeout(MONGO_CONNECT_TIMEOUT, warm).await.is_err() {
            tracing::warn!(store = %store.uri, "not every connection was opened in time; the rest is opened when needed");
        }
    }
    tracing::info!(store = %store.uri, wire_version = server.wire_version, "connected");
    Ok(store)
}

/// The first answer of a server, within the selection timeout.
async fn answer(builder: &MongoBuilder, uri: &Uri, pool: &Pool, monitor: &Monitor) -> Result<Found, Error> {
    let said = ConnectionString::parse(uri.expose()).ok();
    let tls = said.as_ref().is_some_and(|said| matches!(said.tls, Some(Tls::Enabled(_))));
    let chosen = builder.settings.selection_timeout.or(said.and_then(|said| said.server_selection_timeout));
    let limit = chosen.or(builder.mode.settings().selection_timeout).unwrap_or(MONGO_SELECTION_TIMEOUT);
    // The driver forgets why servers are not reached when its client is dropped, so the client is kept until that was
    // read.
    let kept = Arc::<OnceLock<Client>>::default();
    let looking = look(builder.clone(), uri.clone(), pool.clone(), monitor.clone(), kept.clone());
    // An invalid limit must be reported as such, not as a timeout.
    let waits = limit.clamp(LEAST, MONGO_TIMEOUT_MAX);
    let why = match tokio::time::timeout(waits, driver_thread::run(looking)).await {
        Ok(found) => match found?? {
            Ok(found) => return Ok(found),
            Err(error) => missed(&error, monitor).map_err(|why| Error::Refused(format!("{uri}: {why}")))?,
        },
        Err(_) => monitor.failures().unwrap_or_else(|| error::SILENT.to_owned()),
    };
    drop(kept);
    let (why, millis) = (hinted(why, tls), limit.as_millis());
    Err(Error::Unavailable(format!("{uri}: not reached within {millis} ms: {why}")))
}

/// Connects on the driver's thread. Refuses settings that are not valid; any other error is the driver's.
async fn look(
    builder: MongoBuilder,
    uri: Uri,
    pool: Pool,
    monitor: Monitor,
    kept: Arc<OnceLock<Client>>,
) -> Result<Result<Found, DriverError>, Error> {
    let mut options = match ClientOptions::parse(uri.expose()).await {
        Ok(options) => options,
        Err(error) => return Ok(Err(error)),
    };
    let settled = builder.settings.apply(&mut options, builder.mode, builder.read_only);
    settled.map_err(|why| Error::Refused(format!("{uri}: {why}")))?;
    options.cmap_event_handler = Some(EventHandler::callback(move |event| pool.hear(event)));
    options.sdam_event_handler = Some(EventHandler::callback(move |event| monitor.hear(event)));
    let (reads, most) = (options.selection_criteria.take(), options.max_pool_size.unwrap_or_default());
    let greeting = async {
        let client = Client::with_options(options)?;
        let _ = kept.set(client.clone());
        let admin = client.database("admin");
        let hello = admin.run_command(doc! {"hello": 1}).await?;
        admin.run_command(doc! {"ping": 1}).await?;
        Ok(Found { client, hello, most, reads })
    };
    Ok(greeting.await)
}

/// The cause if no server was reached, and another try may succeed.
///
/// # Errors
/// Another try will not succeed.
fn missed(error: &DriverError, monitor: &Monitor) -> Result<String, String> {
    let why = error::told(error);
    if error::is_authentication(error) {
        return Err(format!("authentication: {why}"));
    }
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. } => Err(why),
        ErrorKind::ServerSelection { message, .. } => Ok(monitor.failures().unwrap_or_else(|| {
            let cause = match monitor.answered() {
                false => error::SILENT,
                true if message.contains("wire version") => {
                    "servers answer, and their wire version is too old"
                }
                true => "servers answer, and none is of the replica set and the kind that is asked for",
            };
            cause.to_owned()
        })),
        ErrorKind::ConnectionPoolCleared { .. } => Ok(monitor.failures().unwrap_or(why)),
        _ => Ok(why),
    }
}

/// The cause of a failed start, with what it often means. Later a server that closes a connection has other reasons.
fn hinted(why: String, tls: bool) -> String {
    /// The errors when only one of the two sides uses TLS.
    const SIGNS: [&str; 6] =
        ["InvalidContentType", "corrupt message", "eof", "end of file", "Connection reset", "server closed"];
    // A server takes the first bytes of TLS for the head of a message and waits for the rest of it: nothing comes until the time is over,
    // for this side or for the driver, whoever looks at the clock first.
    let is_silent = why == error::SILENT || why.ends_with("timed out");
    if SIGNS.iter().any(|sign| why.contains(sign)) || (tls && is_silent) {
        return format!("{why} (does one side alone speak TLS?)");
    }
    why
}
