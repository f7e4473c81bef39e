//! Reaching a server: one deadline from the name look-up to the first answer, and what went wrong on the way in
//! words that name the address.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::event::EventHandler;
use mongodb::options::{ClientOptions, DatabaseOptions, ReadPreference, SelectionCriteria, Tls};
use mongodb::{Client, error};
use updraft_protocol::limits::{MONGO_CONNECT_TIMEOUT, MONGO_TIMEOUT_MAX};

use super::uri::Uri;
use super::{Builder, Server, cause};
use crate::mongo::call::{Calls, Work};
use crate::mongo::contact::Contact;
use crate::mongo::foreign::Foreign;
use crate::mongo::home::Home;
use crate::mongo::pool::Pool;
use crate::mongo::stretch::Lateness;
use crate::mongo::tenure::Tenure;
use crate::mongo::write::Route;
use crate::mongo::{META, MongoStore, health, index, meta};
use crate::store::Error;

/// Settings are looked at for so long at least.
const LEAST: Duration = Duration::from_millis(100);

/// What is found when a server answers.
struct Found {
    client: Client,
    hello: Document,
    most: u32,
    /// Where the address wants to read.
    reads: Option<SelectionCriteria>,
}

/// Why none answers.
enum Missed {
    /// What is asked makes no sense.
    Settings(String),
    /// With what was found when servers were looked at: the driver forgets them with its client.
    Driver { error: error::Error, failures: Option<String> },
}

/// Connects, checks, and prepares the database.
pub(super) async fn reach(builder: Builder, uri: Uri, database: String) -> Result<MongoStore, Error> {
    let (pool, contact) = (Pool::default(), Contact::default());
    let home = Home::start()?;
    let patience = builder.patience().map_err(|why| Error::Refused(format!("{uri}: {why}")))?;
    let found = answer(&builder, &uri, &home, &pool, &contact).await?;
    let refused = |why: String| Error::Refused(format!("{uri}: {why}"));
    let server = Server::of(&found.hello).map_err(refused)?;
    let path = server.path(builder.path).map_err(refused)?;
    // What recovery and idempotency rest on is read where it was written; who only looks may do so elsewhere.
    let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
    let reads = found.reads.filter(|_| builder.read_only).unwrap_or(primary);
    let reads = DatabaseOptions::builder().selection_criteria(reads).build();
    let store = MongoStore {
        tenure: Tenure::default(),
        database: found.client.database_with_options(&database, reads),
        route: Route::new(path),
        server,
        calls: Calls::new(builder.slow_calls, patience, pool.clone()),
        pool,
        contact,
        foreign: Foreign::default(),
        lateness: Lateness::default(),
        health: health::Terms { slow_ping: builder.slow_ping, connections: found.most },
        uri: Arc::new(uri),
        read_only: builder.read_only,
        _home: Arc::new(home.closes(found.client.clone())),
        client: found.client,
    };
    if builder.read_only {
        store.run(Work::Few, "find", META, meta::check_schema(&store)).await?;
    } else {
        index::ensure(&store).await?;
        warm(&store).await;
    }
    tracing::info!(store = %store.uri, database, ?path, wire_version = server.wire_version, "connected");
    Ok(store)
}

/// The first answer of a server, within the selection timeout.
async fn answer(
    builder: &Builder,
    uri: &Uri,
    home: &Home,
    pool: &Pool,
    contact: &Contact,
) -> Result<Found, Error> {
    let said = mongodb::options::ConnectionString::parse(uri.expose()).ok();
    let tls = said.as_ref().is_some_and(|said| matches!(said.tls, Some(Tls::Enabled(_))));
    let said = said.and_then(|said| said.server_selection_timeout);
    let patience = builder.settings.selection(said, builder.mode);
    let looking = home.run(look(builder.clone(), uri.clone(), pool.clone(), contact.clone()));
    // What makes no sense is told as such, not as a server that is late.
    let limit = patience.clamp(LEAST, MONGO_TIMEOUT_MAX);
    let why = match tokio::time::timeout(limit, looking).await {
        Ok(Ok(Ok(found))) => return Ok(found),
        Ok(Err(error)) => return Err(error),
        Ok(Ok(Err(Missed::Settings(why)))) => return Err(Error::Refused(format!("{uri}: {why}"))),
        Ok(Ok(Err(Missed::Driver { error, failures }))) => missed(uri, &error, failures, contact)?,
        Err(_) => contact.failures().unwrap_or_else(|| cause::SILENT.to_owned()),
    };
    let why = cause::hinted(why, tls);
    Err(Error::Unavailable(format!("{uri}: not reached within {} ms: {why}", patience.as_millis())))
}

/// Why no server was reached, where another try may reach one.
///
/// # Errors
/// No other try will.
fn missed(
    uri: &Uri,
    error: &error::Error,
    failures: Option<String>,
    contact: &Contact,
) -> Result<String, Error> {
    if cause::is_authentication(error) {
        return Err(Error::Refused(format!("{uri}: authentication: {}", uri.told(error))));
    }
    match &*error.kind {
        error::ErrorKind::InvalidArgument { .. } | error::ErrorKind::InvalidTlsConfig { .. } => {
            Err(Error::Refused(format!("{uri}: {}", uri.told(error))))
        }
        // Where servers answered, the driver itself knows why none of them will do.
        error::ErrorKind::ServerSelection { message, .. } if contact.answered() => {
            Ok(failures.unwrap_or_else(|| message.clone()))
        }
        error::ErrorKind::ServerSelection { .. } => Ok(failures.unwrap_or_else(|| cause::SILENT.to_owned())),
        error::ErrorKind::ConnectionPoolCleared { .. } => Ok(failures.unwrap_or_else(|| uri.told(error))),
        _ => Ok(uri.told(error)),
    }
}

async fn look(builder: Builder, uri: Uri, pool: Pool, contact: Contact) -> Result<Found, Missed> {
    let found = contact.clone();
    let missed = |error| Missed::Driver { error, failures: found.failures() };
    let mut options = ClientOptions::parse(uri.expose()).await.map_err(missed)?;
    builder.settings.apply(&mut options, builder.mode, builder.read_only).map_err(Missed::Settings)?;
    options.cmap_event_handler = Some(EventHandler::callback(move |event| pool.hear(event)));
    options.sdam_event_handler = Some(EventHandler::callback(move |event| contact.hear(event)));
    let reads = options.selection_criteria.take();
    let most = options.max_pool_size.unwrap_or_default();
    let client = Client::with_options(options).map_err(missed)?;
    let admin = client.database("admin");
    let hello = admin.run_command(doc! {"hello": 1}).await.map_err(missed)?;
    admin.run_command(doc! {"ping": 1}).await.map_err(missed)?;
    Ok(Found { client, hello, most, reads })
}

/// Opens the connections that are kept. What cannot be opened now is opened when it is needed.
async fn warm(store: &MongoStore) {
    let patience: Duration = MONGO_CONNECT_TIMEOUT;
    if tokio::time::timeout(patience, store.client.warm_connection_pool()).await.is_err() {
        tracing::warn!(store = %store.uri, "not every connection was opened in time; the rest is opened when needed");
    }
}
