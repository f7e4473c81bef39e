//! The store on a MongoDB server: its collections, and who answers which call. Decides nothing about playbooks.

mod bond;
mod call;
pub(crate) mod code;
mod connect;
mod contact;
mod dead_letter;
mod document;
mod fault;
mod foreign;
mod health;
mod home;
mod index;
mod json;
mod meta;
mod owner;
mod playbook;
mod pool;
mod query;
mod question;
mod read;
mod stretch;
mod tenure;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mongodb::bson::RawDocumentBuf;
use mongodb::{Client, Collection, Database};
use updraft_protocol::{
    DeadLetter, ExecutionDocument, ExecutionId, IdempotencyKey, KeyHolder, Name, PlaybookDocument,
    PlaybookId, PlaybookStatus, TaskDocument, TenantCode, Update,
};

use uuid::Uuid;

use call::Work;
use connect::cause;
pub(crate) use connect::uri::Uri;
pub use connect::{Builder, Mode, WritePath};
pub use meta::SCHEMA;

use crate::bond::{Bond, Kept};
use crate::owner::Owner;
use crate::store::{
    Cursor, Error, ExecutionQuery, Health, PlaybookRuntime, PutOutcome, SlowestQuery, Store, TaskQuery,
    WriteOutcome,
};

/// Names of the collections.
pub(crate) const PLAYBOOKS: &str = "playbook_collection";
pub(crate) const EXECUTIONS: &str = "playbook_execution_collection";
pub(crate) const TASKS: &str = "task_execution_collection";
pub(crate) const DEAD_LETTERS: &str = "dead_letter";
pub(crate) const META: &str = "meta";

/// A store in one database of a MongoDB server. Cheap to clone; all clones share one pool of connections.
#[derive(Clone)]
pub struct MongoStore {
    client: Client,
    database: Database,
    /// How batches go to the server.
    route: write::Route,
    /// What the server takes.
    server: connect::Server,
    /// How long calls take.
    calls: call::Calls,
    /// What is known of the pool's connections.
    pool: pool::Pool,
    /// What was found when servers were looked at.
    contact: contact::Contact,
    /// What others put beside our documents.
    foreign: foreign::Foreign,
    /// Whether lists were late.
    lateness: stretch::Lateness,
    /// What is well.
    health: health::Terms,
    uri: Arc<Uri>,
    /// Whether nothing may be written.
    read_only: bool,
    /// Whether another engine has taken it: nothing is written any more.
    tenure: tenure::Tenure,
    /// Where the connections live. Dropped last.
    _home: Arc<home::Home>,
}

impl MongoStore {
    /// What to connect with: `mongodb://user:password@host:27017/database`. Says nothing to the server yet.
    pub fn builder(uri: impl AsRef<str>) -> Builder {
        Builder::new(uri.as_ref())
    }

    /// Connects with every default.
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(uri).connect().await
    }

    /// Removes the database with all that is in it. For what was only made to be measured or tested.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    pub async fn drop_database(&self) -> Result<(), Error> {
        self.changeable()?;
        let drop = async { self.database.drop().await.map_err(fault::store_error) };
        self.run(Work::Scan, "dropDatabase", "*", drop).await
    }

    /// Runs a call as [`call::Calls::run`] does; where it fails, the error says of which store.
    async fn run<T>(
        &self,
        work: Work,
        command: &'static str,
        collection: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.calls.run(work, command, collection, call).await.map_err(|error| self.placed(error))
    }

    /// The same error with the address at which it was met, and with what is known of why a server was not reached.
    fn placed(&self, error: Error) -> Error {
        let placed = |why: String| format!("{}: {why}", self.uri);
        match error {
            Error::Unavailable(why) if cause::is_of_contact(&why) => {
                Error::Unavailable(placed(self.contact.failures().unwrap_or(why)))
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

    /// Whether what belongs to its owner may be written.
    fn writable(&self) -> Result<(), Error> {
        self.changeable()?;
        if self.tenure.is_lost() {
            // Not refused: that would be the fault of what is to be written, which stays in the journal.
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
impl Store for MongoStore {
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error> {
        self.writable()?;
        // A batch is for both collections.
        let command = if self.route.path() == write::Path::BulkWrite { "bulkWrite" } else { "update" };
        let written = self.calls.run(Work::Batch, command, "*", write::batch(self, &batch)).await;
        let written = written.map_err(|error| match error {
            // It speaks of what is in the batch, and is told to the tenants whose it is: no address.
            Error::Refused(_) => error,
            error => self.placed(error),
        });
        self.contact.wrote(&written);
        written
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Result<(), Error> {
        self.writable()?;
        self.run(Work::Batch, "insert", DEAD_LETTERS, dead_letter::bury(self, letters)).await
    }

    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.run(Work::Few, "find", DEAD_LETTERS, dead_letter::list(self, tenant, after, limit)).await
    }

    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error> {
        self.writable()?;
        self.run(Work::Few, "insert", PLAYBOOKS, playbook::put(self, &playbook)).await
    }

    async fn playbook(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, Error> {
        self.run(Work::Few, "find", PLAYBOOKS, read::playbook(self, tenant, pid)).await
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error> {
        self.run(Work::Few, "find", PLAYBOOKS, read::playbook_named(self, tenant, name, version)).await
    }

    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error> {
        let listed = read::playbooks(self, tenant, status, category_id, after, limit);
        self.run(Work::Few, "find", PLAYBOOKS, listed).await
    }

    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error> {
        self.run(Work::Few, "find", EXECUTIONS, read::execution(self, tenant, peid)).await
    }

    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error> {
        self.run(Work::Few, "find", EXECUTIONS, read::execution_by_key(self, key)).await
    }

    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error> {
        self.run(Work::Few, "find", EXECUTIONS, read::executions(self, &query)).await
    }

    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        self.run(Work::Few, "find", TASKS, read::tasks(self, tenant, peid, after, limit)).await
    }

    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error> {
        self.run(Work::Few, "find", TASKS, read::tasks_of_alert(self, &query)).await
    }

    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
        self.run(Work::Scan, "aggregate", EXECUTIONS, read::slowest(self, &query)).await
    }

    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error> {
        self.run(Work::Few, "find", EXECUTIONS, read::unfinished(self, after, limit)).await
    }

    async fn next_epoch(&self, above: u64) -> Result<u64, Error> {
        self.writable()?;
        self.run(Work::Few, "findAndModify", META, meta::next_epoch(self, above)).await
    }

    async fn kept(&self) -> Result<Kept, Error> {
        self.run(Work::Few, "find", META, bond::kept(self)).await
    }

    async fn bind(&self, bond: Bond, before: Option<Bond>) -> Result<bool, Error> {
        self.writable()?;
        self.run(Work::Few, "update", META, bond::bind(self, bond, before)).await
    }

    async fn note(&self, journal: Uuid, taken: u64, closed: bool) -> Result<(), Error> {
        self.writable()?;
        self.run(Work::Few, "update", META, bond::note(self, journal, taken, closed)).await
    }

    fn is_leased(&self) -> bool {
        !self.read_only
    }

    async fn owner(&self) -> Result<Option<Owner>, Error> {
        self.run(Work::Few, "find", META, owner::owner(self)).await
    }

    async fn take(&self, owner: &Owner, before: Option<&Owner>) -> Result<bool, Error> {
        self.changeable()?;
        let taken = self.run(Work::Few, "update", META, owner::take(self, owner, before)).await?;
        if taken {
            self.tenure.taken(owner.incarnation);
        }
        Ok(taken)
    }

    async fn renew(&self, incarnation: Uuid) -> Result<bool, Error> {
        self.changeable()?;
        let renewed = self.run(Work::Few, "update", META, owner::renew(self, incarnation)).await?;
        if !renewed {
            self.tenure.lost(incarnation);
        }
        Ok(renewed)
    }

    async fn disown(&self, incarnation: Uuid) -> Result<(), Error> {
        self.changeable()?;
        self.run(Work::Few, "update", META, owner::disown(self, incarnation)).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.run(Work::Few, "ping", "admin", health::ping(self)).await
    }

    async fn health(&self) -> Health {
        self.pool.follow(health::health(self)).await
    }
}
