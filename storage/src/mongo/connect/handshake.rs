//! The handshake with a server: one time limit from the name look-up to the first answer, the checks of the server, and
//! the cause if no server answers. Shows no login and no value of an option.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind};
use mongodb::event::EventHandler;
use mongodb::options::{ClientOptions, DatabaseOptions, ReadPreference, SelectionCriteria, Tls};
use updraft_protocol::limits::{MONGO_CONNECT_TIMEOUT, MONGO_TIMEOUT_MAX};

use super::{MongoBuilder, settings};
use crate::mongo::driver_thread::DriverThread;
use crate::mongo::error;
use crate::mongo::monitor::Monitor;
use crate::mongo::ownership::Ownership;
use crate::mongo::pool::Pool;
use crate::mongo::read::UnknownDocuments;
use crate::mongo::server::Server;
use crate::mongo::uri::Uri;
use crate::mongo::{MongoStore, health, index, meta};
use crate::store::Error;

/// The shortest wait for a first answer: invalid settings are found in that time.
const LEAST: Duration = Duration::from_millis(100);

/// The findings when a server answers.
struct Found {
    client: Client,
    hello: Document,
    most: u32,
    /// The read preference of the address.
    reads: Option<SelectionCriteria>,
}

/// Why no server answers.
enum Missed {
    /// The configuration is not valid.
    Settings(String),
    /// The driver's error, with the findings of its monitoring.
    Driver { error: DriverError, failures: Option<String> },
}

/// Connects, checks, and prepares the database.
pub(super) async fn connect(builder: MongoBuilder, uri: Uri) -> Result<MongoStore, Error> {
    let (pool, monitor) = (Pool::default(), Monitor::default());
    let driver = DriverThread::start()?;
    let refused = |why: String| Error::Refused(format!("{uri}: {why}"));
    let one = Duration::from_millis(1);
    let call_timeout = settings::lasting("call_timeout", builder.calls, one, MONGO_TIMEOUT_MAX);
    let call_timeout = call_timeout.map_err(refused)?;
    let found = answer(&builder, &uri, &driver, &pool, &monitor).await?;
    let server = Server::of(found.hello).map_err(refused)?;
    // Recovery and idempotency must read from the primary; a mere reader may read elsewhere.
    let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
    let reads = found.reads.filter(|_| builder.read_only).unwrap_or(primary);
    let reads = DatabaseOptions::builder().selection_criteria(reads).build();
    let store = MongoStore {
        database: found.client.database_with_options(uri.database_or_default(), reads),
        server,
        call_timeout,
        pool,
        monitor,
        unknown_documents: UnknownDocuments::default(),
        health: health::Terms { slow_ping: builder.slow_ping, connections: found.most },
        uri: Arc::new(uri),
        read_only: builder.read_only,
        ownership: Ownership::default(),
        _driver: Arc::new(driver.closes(found.client.clone())),
        client: found.client,
    };
    if builder.read_only {
        store.few(meta::check_schema(&store)).await?;
    } else {
        index::ensure(&store).await?;
        warm(&store).await;
    }
    tracing::info!(store = %store.uri, wire_version = server.wire_version, "connected");
    Ok(store)
}

/// The first answer of a server, within the selection timeout.
async fn answer(
    builder: &MongoBuilder,
    uri: &Uri,
    driver: &DriverThread,
    pool: &Pool,
    monitor: &Monitor,
) -> Result<Found, Error> {
    let said = mongodb::options::ConnectionString::parse(uri.expose()).ok();
    let tls = said.as_ref().is_some_and(|said| matches!(said.tls, Some(Tls::Enabled(_))));
    let said = said.and_then(|said| said.server_selection_timeout);
    let selection_limit = builder.settings.selection(said, builder.mode);
    // The driver forgets why servers are not reached when its client is dropped, so the client is kept until that was
    // read.
    let kept = Arc::<OnceLock<Client>>::default();
    let looking = driver.run(look(builder.clone(), uri.clone(), pool.clone(), monitor.clone(), kept.clone()));
    // An invalid limit must be reported as such, not as a timeout.
    let limit = selection_limit.clamp(LEAST, MONGO_TIMEOUT_MAX);
    let why = match tokio::time::timeout(limit, looking).await {
        Ok(Ok(Ok(found))) => return Ok(found),
        Ok(Err(error)) => return Err(error),
        Ok(Ok(Err(Missed::Settings(why)))) => return Err(Error::Refused(format!("{uri}: {why}"))),
        Ok(Ok(Err(Missed::Driver { error, failures }))) => missed(uri, &error, failures, monitor)?,
        Err(_) => monitor.failures().unwrap_or_else(|| error::SILENT.to_owned()),
    };
    drop(kept);
    let why = hinted(why, tls);
    Err(Error::Unavailable(format!("{uri}: not reached within {} ms: {why}", selection_limit.as_millis())))
}

/// The cause if no server was reached, and another try may succeed.
///
/// # Errors
/// Another try will not succeed.
fn missed(
    uri: &Uri,
    error: &DriverError,
    failures: Option<String>,
    monitor: &Monitor,
) -> Result<String, Error> {
    let why = error::told(error);
    if error::is_authentication(error) {
        return Err(Error::Refused(format!("{uri}: authentication: {why}")));
    }
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. } => {
            Err(Error::Refused(format!("{uri}: {why}")))
        }
        ErrorKind::ServerSelection { message, .. } => Ok(failures.unwrap_or_else(|| {
            let cause = match monitor.answered() {
                false => error::SILENT,
                true if message.contains("wire version") => {
                    "servers answer, and their wire version is too old"
                }
                true => "servers answer, and none is of the replica set and the kind that is asked for",
            };
            cause.to_owned()
        })),
        ErrorKind::ConnectionPoolCleared { .. } => Ok(failures.unwrap_or(why)),
        _ => Ok(why),
    }
}

/// The cause of a failed start, with what it often means. Later a server that closes a connection has other reasons.
fn hinted(why: String, tls: bool) -> String {
    /// The errors when only one of the two sides uses TLS.
    const SIGNS: [&str; 6] =
        ["InvalidContentType", "corrupt message", "eof", "end of file", "Connection reset", "server closed"];
    // A server takes the first bytes of TLS for the head of a message and waits for the rest of it.
    if SIGNS.iter().any(|sign| why.contains(sign)) || (tls && why == error::SILENT) {
        return format!("{why} (does one side alone speak TLS?)");
    }
    why
}

async fn look(
    builder: MongoBuilder,
    uri: Uri,
    pool: Pool,
    monitor: Monitor,
    kept: Arc<OnceLock<Client>>,
) -> Result<Found, Missed> {
    let found = monitor.clone();
    let missed = |error| Missed::Driver { error, failures: found.failures() };
    let mut options = ClientOptions::parse(uri.expose()).await.map_err(missed)?;
    builder.settings.apply(&mut options, builder.mode, builder.read_only).map_err(Missed::Settings)?;
    options.cmap_event_handler = Some(EventHandler::callback(move |event| pool.hear(event)));
    options.sdam_event_handler = Some(EventHandler::callback(move |event| monitor.hear(event)));
    let reads = options.selection_criteria.take();
    let most = options.max_pool_size.unwrap_or_default();
    let client = Client::with_options(options).map_err(missed)?;
    let _ = kept.set(client.clone());
    let admin = client.database("admin");
    let hello = admin.run_command(doc! {"hello": 1}).await.map_err(missed)?;
    admin.run_command(doc! {"ping": 1}).await.map_err(missed)?;
    Ok(Found { client, hello, most, reads })
}

/// Opens the connections that are kept. Those that cannot be opened now are opened when needed.
async fn warm(store: &MongoStore) {
    let selection_limit: Duration = MONGO_CONNECT_TIMEOUT;
    if tokio::time::timeout(selection_limit, store.client.warm_connection_pool()).await.is_err() {
        tracing::warn!(store = %store.uri, "not every connection was opened in time; the rest is opened when needed");
    }
}
