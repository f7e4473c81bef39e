//! The embedded store: one SQLite file, one thread that writes, a few that read. No server, no decisions.

mod audit;
mod bond;
mod containment;
mod cut;
mod dead_letter;
mod epoch;
mod event;
mod fault;
mod open;
mod playbook;
mod pool;
mod query;
mod queue;
mod read;
mod row;
mod schema;
mod setting;
mod wal;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use rusqlite::{Connection, params};
use updraft_kernel::batch_limit::BatchLimit;
use updraft_protocol::limits::STORE_READERS;
use updraft_protocol::{
    ContainmentDocument, ExecutionDocument, ExecutionId, IdempotencyKey, KeyHolder, PlaybookId, TaskDocument,
    TenantCode, Timestamp, Update,
};

use crate::journal::Durability;
use crate::lock::FileLock;
use crate::store::{
    Cursor, Error, ExecutionQuery, ExecutionStore, InboxQuery, Kept, OverdueTasksQuery, OwnerStore,
    PlaybookRuntime, QueryStore, Resumable, SlowestQuery, Store, TaskQuery, WriteOutcome, count_outcomes,
};
use pool::Pool;
pub use schema::VERSION as SCHEMA;

const DATABASE: &str = "updraft.db";
const LOCK: &str = "updraft.lock";

/// A store in a folder of this machine. One process at a time can use it.
///
/// Dropping it waits until queued work is done, then closes the file and gives the lock back. [`SqliteStore::release`]
/// gives the lock back before, for callers that still want to read.
pub struct SqliteStore {
    /// Dropped first, so that the writer closes last and leaves no WAL behind.
    readers: Pool,
    /// Has one thread: SQLite takes one writer at a time anyway.
    writer: Pool,
    durability: Durability,
    lock: Arc<FileLock>,
    /// Whether the lock was given back: from then on another process may write.
    released: Arc<AtomicBool>,
}

impl SqliteStore {
    /// The note of the journal in the store in `dir`, if this version can read the store. Reads without the lock, so
    /// the caller must know that it is not in use. Changes and creates no file. Blocks while it reads the disk.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn inspect(dir: &Path) -> Result<Kept, Error> {
        Self::onlooker(dir)?.map_or(Ok(Kept::New), |connection| bond::kept(&connection))
    }

    /// The containments that are due by an instant in the store in `dir`, as [`SqliteStore::inspect`].
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn inspect_due(dir: &Path, by: Timestamp, limit: usize) -> Result<Vec<ContainmentDocument>, Error> {
        Self::onlooker(dir)?
            .map_or(Ok(Vec::new()), |connection| containment::due_containments(&connection, by, None, limit))
    }

    /// A connection to the store in `dir` that only reads; `None` if the next start makes that store anew.
    fn onlooker(dir: &Path) -> Result<Option<Connection>, Error> {
        let database = dir.join(DATABASE);
        // A database that was never written to is new to the next start.
        if database.metadata().map_or(true, |found| found.len() == 0) {
            return Ok(None);
        }
        let connection = open::onlooker(&database)?;
        // So is one whose first start was cut short before it had a schema.
        if schema::check(&connection)? == 0 {
            return Ok(None);
        }
        cut::refuse(&database, &connection)?;
        Ok(Some(connection))
    }

    /// Opens the store in `dir`, and creates it if there is none. Blocks while it reads the disk.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it, [`Error::Schema`] if a newer version wrote it, [`Error::Refused`] if
    /// the file belongs to another program, and errors of the disk.
    pub fn open(dir: &Path, durability: Durability) -> Result<Self, Error> {
        open::folder(dir)?;
        Self::open_in(dir, durability).map_err(|error| open::without_room(dir, error))
    }

    fn open_in(dir: &Path, durability: Durability) -> Result<Self, Error> {
        let lock = open::lock(&dir.join(LOCK))?;
        let database = dir.join(DATABASE);
        let writer = open::writer(&database, durability)?;
        open::sync(dir).map_err(|error| Error::Unavailable(format!("{}: {error}", dir.display())))?;
        let readers =
            (0..STORE_READERS).map(|_| open::reader(&database)).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self {
            readers: Pool::spawn("store-read", readers, &lock)?,
            writer: Pool::spawn("store-write", vec![writer], &lock)?,
            durability,
            lock,
            released: Arc::default(),
        })
    }

    /// Gives the lock back when queued work is done. Then this store can only be read, for as long as it is held.
    ///
    /// # Errors
    /// The error of the system.
    pub async fn release(&self) -> Result<(), Error> {
        let (lock, released) = (Arc::clone(&self.lock), Arc::clone(&self.released));
        let unlock = move |_: &mut Connection| {
            released.store(true, Ordering::Relaxed);
            lock.give_back().map_err(|error| Error::Unavailable(format!("giving the lock back: {error}")))
        };
        self.writer.run(unlock).await
    }

    /// Reads on one of the reading threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.readers.run(|connection| work(connection)).await
    }

    /// Changes stored data, on the writing thread.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let released = Arc::clone(&self.released);
        let change = move |connection: &mut Connection| {
            // Checked on the one thread that also gives the lock back.
            if released.load(Ordering::Relaxed) {
                return Err(Error::Refused("it was closed".to_owned()));
            }
            wal::kept_short(connection, work)
        };
        self.writer.run(change).await
    }

    /// A change that survives a power loss at every level of durability.
    async fn change_durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let level = self.durability;
        self.change(move |connection| {
            open::synchronous(connection, Durability::Fsync).map_err(fault::store_error)?;
            let done = work(connection);
            open::synchronous(connection, level).map_err(fault::store_error)?;
            done
        })
        .await
    }
}

#[async_trait]
impl ExecutionStore for SqliteStore {
    async fn write(&self, batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error> {
        count_round_trip();
        let outcomes = self.change(move |connection| write::batch(connection, &batch)).await?;
        count_outcomes("sqlite", &outcomes);
        Ok(outcomes)
    }

    async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<ExecutionDocument>, Error> {
        let tenant = tenant.clone();
        self.read(move |connection| read::execution(connection, &tenant, peid)).await
    }

    async fn execution_by_key(&self, key: &IdempotencyKey) -> Result<Option<KeyHolder>, Error> {
        let key = key.clone();
        self.read(move |connection| {
            let values = params![key.tenant_code.as_str(), key.playbook_name.as_str(), key.text.as_ref()];
            read::one(connection, query::EXECUTION_BY_KEY, values, row::key_holder)
        })
        .await
    }

    async fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        let tenant = tenant.clone();
        self.read(move |connection| read::tasks(connection, &tenant, peid, after, limit)).await
    }

    async fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<ExecutionDocument>, Error> {
        self.read(move |connection| read::unfinished(connection, after, limit)).await
    }

    async fn resumables(&self, of: Vec<(TenantCode, ExecutionId)>) -> Result<Vec<Option<Resumable>>, Error> {
        self.read(move |connection| {
            of.iter().map(|(tenant, peid)| read::resumable(connection, tenant, *peid)).collect()
        })
        .await
    }
}

#[async_trait]
impl QueryStore for SqliteStore {
    async fn executions(&self, query: ExecutionQuery) -> Result<Vec<ExecutionDocument>, Error> {
        self.read(move |connection| read::executions(connection, &query)).await
    }

    async fn tasks_of_alert(&self, query: TaskQuery) -> Result<Vec<TaskDocument>, Error> {
        self.read(move |connection| read::tasks_of_alert(connection, &query)).await
    }

    async fn inbox(&self, query: InboxQuery) -> Result<Vec<TaskDocument>, Error> {
        self.read(move |connection| read::inbox(connection, &query)).await
    }

    async fn overdue_tasks(&self, query: OverdueTasksQuery) -> Result<Vec<TaskDocument>, Error> {
        self.read(move |connection| read::overdue_tasks(connection, &query)).await
    }

    async fn runtimes(&self, newest: usize) -> Result<Vec<(PlaybookId, u64)>, Error> {
        self.read(move |connection| read::runtimes(connection, newest)).await
    }

    async fn slowest_playbooks(&self, query: SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
        self.read(move |connection| read::slowest(connection, &query)).await
    }
}

impl OwnerStore for SqliteStore {}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), Error> {
        self.read(read::ping).await
    }

    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn batch_limit(&self) -> BatchLimit {
        BatchLimit::EMBEDDED
    }
}

/// Counts a transaction of the write path, whatever its outcome.
fn count_round_trip() {
    metrics::counter!("updraft_store_round_trips_total", "store" => "sqlite").increment(1);
}
