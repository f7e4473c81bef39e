//! Databases for tests: each test has one of its own, on the one server of its process. Not part of a release.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests call it, and what fails here fails the test"
)]

mod keeper;
mod server;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use mongodb::Client;
use uuid::Uuid;

use super::MongoStore;
pub use server::{Login, Server, ServerOptions, TlsFiles};

/// Names a server that the tests use instead of one of their own.
const GIVEN: &str = "UPDRAFT_TEST_MONGODB";

/// A database of a test's own. It is removed when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    uri: String,
    name: String,
}

/// A new database on the server of this process, which is started for the first test: the one that
/// `UPDRAFT_TEST_MONGODB` names, or a `mongod`, or a `secantusd-rs`.
///
/// # Panics
/// There is none of them.
pub async fn database() -> TestDatabase {
    let name = format!("updraft_test_{}", Uuid::now_v7().simple());
    TestDatabase { uri: with_database(&server_uri(), &name), name }
}

/// The server of this process, started once; it ends with the process.
fn server_uri() -> String {
    static STARTED: OnceLock<Server> = OnceLock::new();
    given().unwrap_or_else(|| STARTED.get_or_init(|| Server::start_now(ServerOptions::default())).uri())
}

#[allow(clippy::disallowed_methods, reason = "which server to test on is the one thing that tests are told")]
fn given() -> Option<String> {
    std::env::var(GIVEN).ok().filter(|uri| !uri.is_empty())
}

/// The same server with another database. Logins stay in the database where they were made.
fn with_database(uri: &str, name: &str) -> String {
    let (scheme, rest) = uri.split_once("://").expect("a URI has a scheme");
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, before) = place.split_once('/').unwrap_or((place, ""));
    let mut query = query.to_owned();
    if hosts.contains('@') && !query.contains("authSource=") {
        let source = if before.is_empty() { "admin" } else { before };
        let join = if query.is_empty() { "" } else { "&" };
        query = format!("{query}{join}authSource={source}");
    }
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{hosts}/{name}{mark}{query}")
}

impl TestDatabase {
    /// Its address: `mongodb://127.0.0.1:PORT/NAME`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A store in it.
    ///
    /// # Panics
    /// It does not connect.
    pub async fn store(&self) -> Arc<MongoStore> {
        let connected = MongoStore::builder(self.uri.as_str()).connect().await;
        Arc::new(connected.unwrap_or_else(|error| panic!("{}: {error}", self.uri)))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // If the server has ended, its data is gone too.
        let _: Result<(), mongodb::error::Error> = keeper::aside(async move {
            let client = Client::with_uri_str(&uri).await?;
            client.database(&name).drop().await?;
            client.shutdown().await;
            Ok(())
        });
    }
}
