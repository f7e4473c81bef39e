//! The store on a MongoDB server: its collections, and the function for each call of the port. Decides nothing about
//! playbooks.

mod audit;
mod bond;
mod connect;
mod containment;
mod dead_letter;
mod document;
mod driver_thread;
mod epoch;
mod error;
mod event;
mod health;
mod index;
mod json;
mod meta;
mod monitor;
mod owner;
mod playbook;
mod pool;
mod query;
mod queue;
mod read;
mod server;
mod setting;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
mod uri;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::RawDocumentBuf;
use mongodb::{Client, Collection, Database};
use updraft_protocol::limits::{MONGO_SCAN_TIMEOUT, WRITE_TIMEOUT};
use updraft_protocol::{
    ExecutionDocument, ExecutionId, IdempotencyKey, KeyHolder, PlaybookId, TaskDocument, TenantCode, Update,
};

use crate::store::{
    Cursor, Detail, Error, ExecutionQuery, ExecutionStore, Health, InboxQuery, OverdueTasksQuery,
    PlaybookRuntime, QueryStore, SlowestQuery, Store, TaskQuery, WriteOutcome,
};
pub use connect::{MongoBuilder, PoolMode};
pub use meta::SCHEMA;
pub(crate) use uri::Uri;

/// Names of the collections.
pub(crate) const PLAYBOOKS: &str = "playbook_collection";
pub(crate) const EXECUTIONS: &str = "playbook_execution_collection";
pub(crate) const TASKS: &str = "task_execution_collection";
pub(crate) const CONTAINMENTS: &str = "containment_collection";
pub(crate) const SETTINGS: &str = "setting_collection";
pub(crate) const AUDIT: &str = "audit_collection";
pub(crate) const DEAD_LETTERS: &str = "dead_letter";
pub(crate) const SHARDS: &str = "shard_collection";
pub(crate) const META: &str = "meta";

/// A store in one database of a MongoDB server. Cheap to clone; all clones share one pool of connections.
#[derive(Clone)]
pub struct MongoStore {
    client: Client,
    database: Database,
    /// The limits of the server.
    server: server::Server,
    /// How long a call that reads or writes a few documents may take.
    call_timeout: Duration,
    /// The state of the pool's connections.
    pool: pool::Pool,
    /// The last findings of the driver's monitoring.
    monitor: monitor::Monitor,
    /// Documents of other programs in our collections.
    unknown_documents: read::UnknownDocuments,
    /// The criteria of health.
    health: health::Terms,
    uri: Arc<Uri>,
    /// Whether nothing may be written.
    read_only: bool,
    /// Whether another engine has taken the store: then nothing is written any more.
    holder: Arc<owner::Holder>,
}

impl MongoStore {
    /// A builder for the server at `mongodb://user:password@host:27017/database`. Does not connect yet.
    pub fn builder(uri: impl AsRef<str>) -> MongoBuilder {
        MongoBuilder::new(uri.as_ref())
    }

    /// Connects with every default.
    ///
    /// # Errors
    /// As [`MongoBuilder::connect`].
    pub async fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(uri).connect().await
    }

    /// Removes the database with everything in it. For databases of tests and measurements.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    pub async fn drop_database(&self) -> Result<(), Error> {
        self.changeable()?;
        let drop = async { self.database.drop().await.map_err(error::store_error) };
        self.within(MONGO_SCAN_TIMEOUT, drop).await
    }

    /// Runs a call that reads or writes a few documents.
    async fn few<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.within(self.call_timeout, call).await
    }

    /// Runs a call that ends in time, including its wait for a connection. An error names the store.
    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.timed_out(limit, call).await.map_err(|error| self.placed(error))
    }

    /// The same, with the error unchanged.
    async fn timed_out<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(limit, self.pool.follow(call)).await;
        answer.unwrap_or_else(|_| Err(Error::Unavailable(format!("no answer in {limit:?}"))))
    }

    /// The error with the address of the store, and with the cause if a server was not reached.
    fn placed(&self, error: Error) -> Error {
        let placed = |why: String| format!("{}: {why}", self.uri);
        match error {
            Error::Unavailable(why) if error::is_unreached(&why) => {
                Error::Unavailable(placed(self.monitor.failures().unwrap_or(why)))
            }
            Error::Unavailable(why) => Error::Unavailable(placed(why)),
            Error::Full(why) => Error::Full(placed(why)),
            Error::Corrupt(why) => Error::Corrupt(placed(why)),
            Error::Refused(why) => Error::Refused(placed(why)),
            Error::InUse { .. } | Error::Schema { .. } => error,
        }
    }

    fn changeable(&self) -> Result<(), Error> {
        if self.read_only {
            Err(Error::Refused(format!("{}: it was opened to be read", self.uri)))
        } else {
            Ok(())
        }
    }

    /// Whether documents of the store's owner may be written.
    fn writable(&self) -> Result<(), Error> {
        self.changeable()?;
        if self.holder.has_lost() {
            // Not a refusal, which would be the fault of the update: the update stays in the journal.
            return Err(Error::Unavailable(format!("{}: another engine has taken it", self.uri)));
        }
        Ok(())
    }

    fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.database.collection(name)
    }
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.database.name();
        f.debug_struct("MongoStore")
            .field("uri", &self.uri)
            .field("database", &database)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ExecutionStore for MongoStore {
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error> {
        self.writable()?;
        let written = self.timed_out(WRITE_TIMEOUT, write::batch(self, &batch)).await;
        written.map_err(|error| match error {
            // It is about the content of the batch, and is shown to the tenant: no address.
            Error::Refused(_) => error,
            error => self.placed(error),
        })
    }

    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error> {
        self.one(query::execution(tenant, peid)).await
    }

    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error> {
        self.one(query::execution_by_key(key)).await
    }

    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        self.page(vec![query::tasks(tenant, peid, after, limit)], Detail::Whole).await
    }

    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error> {
        self.merged(query::unfinished(after, limit), Detail::Summary).await
    }
}

#[async_trait]
impl QueryStore for MongoStore {
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error> {
        self.merged(query::executions(&query), query.detail).await
    }

    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error> {
        self.page(vec![query::tasks_of_alert(&query)], query.detail).await
    }

    async fn inbox(&self, query: InboxQuery) -> Result<Vec<TaskDocument>, Error> {
        self.page(query::inbox(&query), Detail::Summary).await
    }

    async fn overdue_tasks(&self, query: OverdueTasksQuery) -> Result<Vec<TaskDocument>, Error> {
        self.page(query::overdue_tasks(&query), Detail::Summary).await
    }

    async fn runtimes(&self, newest: usize) -> Result<Vec<(PlaybookId, u64)>, Error> {
        self.page(vec![query::runtimes(newest)], Detail::Whole).await
    }

    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
        let slowest = read::slowest(self, &query);
        self.within(MONGO_SCAN_TIMEOUT, slowest).await
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn ping(&self) -> Result<(), Error> {
        self.few(health::ping(self)).await
    }

    async fn health(&self) -> Health {
        self.pool.follow(health::health(self)).await
    }

    fn name(&self) -> &'static str {
        "mongodb"
    }
}
