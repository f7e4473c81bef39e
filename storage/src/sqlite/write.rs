//! Batches of updates: one transaction each, every update guarded by its revision. Never reads a document.

use std::sync::LazyLock;

use rusqlite::{
    CachedStatement, Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params,
};
use serde::Serialize;
use updraft_protocol::{
    ExecutionHead, ExecutionId, ExecutionPositions, ExecutionState, FieldSpec, FieldWriter, Fields, Json,
    Revision, TaskHead, TaskPositions, TaskState, Update,
};

use super::{fault, query};
use crate::store::{Error, WriteOutcome, key_taken};

/// The statements of one collection. Their parameters are the id, the revision, the state, the positions
/// of events, and then the head.
pub(super) struct Texts {
    pub(super) insert: String,
    pub(super) update: String,
    pub(super) has: String,
}

pub(super) static EXECUTIONS: LazyLock<Texts> = LazyLock::new(|| {
    let changing = [ExecutionState::FIELDS, ExecutionPositions::FIELDS].concat();
    Texts::of("playbook_execution_collection", &changing, ExecutionHead::FIELDS)
});

pub(super) static TASKS: LazyLock<Texts> = LazyLock::new(|| {
    let changing = [TaskState::FIELDS, TaskPositions::FIELDS].concat();
    Texts::of("task_execution_collection", &changing, TaskHead::FIELDS)
});

impl Texts {
    fn of(table: &str, changing: &[FieldSpec], head: &[FieldSpec]) -> Self {
        let columns =
            ["_id", "epoch", "seq"].into_iter().chain(changing.iter().chain(head).map(|field| field.name));
        let columns: Vec<_> = columns.collect();
        let parameters: Vec<_> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
        let inserted: Vec<_> = columns.iter().map(|name| format!("excluded.{name}")).collect();
        // A field that a state does not set stays as it is.
        let changes = |new: &[String]| {
            let mut changes = vec![format!("epoch = {}, seq = {}", new[1], new[2])];
            changes.extend(changing.iter().zip(&new[3..]).map(|(FieldSpec { name, optional, .. }, new)| {
                if *optional {
                    format!("{name} = coalesce({new}, {name})")
                } else {
                    format!("{name} = {new}")
                }
            }));
            changes.join(", ")
        };
        Self {
            insert: format!(
                "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT (_id) DO UPDATE SET {}
                WHERE (excluded.epoch, excluded.seq) > (epoch, seq)",
                columns.join(", "),
                parameters.join(", "),
                changes(&inserted),
            ),
            update: format!(
                "UPDATE {table} SET {} WHERE _id = ?1 AND (?2, ?3) > (epoch, seq)",
                changes(&parameters),
            ),
            has: format!("SELECT 1 FROM {table} WHERE _id = ?1"),
        }
    }
}

/// Updates after which the thread yields its core: a batch takes tens of milliseconds, and submissions and answers need
/// the core for some microseconds.
const TURN: usize = 32;

/// Writes a batch, all of it or, on an error, nothing.
pub(super) fn batch(connection: &mut Connection, batch: &[Update]) -> Result<Vec<WriteOutcome>, Error> {
    let write = |connection: &mut Connection| {
        let transaction = begin(connection)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut statements = Statements::prepare(&transaction)?;
        for (update, number) in batch.iter().zip(1..) {
            if number % TURN == 0 {
                std::thread::yield_now();
            }
            outcomes.push(statements.apply(update)?);
        }
        drop(statements);
        transaction.commit()?;
        Ok(outcomes)
    };
    write(connection).map_err(fault::store_error)
}

/// Begins a transaction. One that could not even be rolled back is ended first.
pub(super) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Why one row was not written.
pub(super) enum Fault {
    /// It contains a value that SQLite cannot store.
    Poison(String),
    /// SQLite refuses it.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// The statements for a batch, looked up once.
struct Statements<'c> {
    connection: &'c Connection,
    executions: Collection<'c>,
    tasks: Collection<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            executions: Collection::prepare(connection, &EXECUTIONS)?,
            tasks: Collection::prepare(connection, &TASKS)?,
        })
    }

    fn apply(&mut self, update: &Update) -> rusqlite::Result<WriteOutcome> {
        let revision = update.revision();
        let outcome = match update {
            Update::Execution(update) => {
                let (id, head) = (update.peid.as_bytes(), update.head.as_deref());
                let outcome = self.executions.apply(id, revision, (&update.state, &update.positions), head);
                outcome.map_err(|fault| self.named(fault, head))
            }
            Update::Task(update) => {
                let (id, head) = (update.task_id.as_bytes(), update.head.as_deref());
                self.tasks.apply(id, revision, (&update.state, &update.positions), head)
            }
        };
        match outcome {
            Err(Fault::Poison(reason)) => Ok(WriteOutcome::Poison(reason)),
            Err(Fault::Sqlite(error)) if fault::poisons(&error) => {
                Ok(WriteOutcome::Poison(error.to_string()))
            }
            Err(Fault::Sqlite(error)) => Err(error),
            Ok(outcome) => Ok(outcome),
        }
    }

    /// Names the execution that has the same idempotency key.
    fn named(&self, fault: Fault, head: Option<&ExecutionHead>) -> Fault {
        let (Fault::Sqlite(error), Some(head)) = (&fault, head) else { return fault };
        if !fault::is_taken(error) {
            return fault;
        }
        let key = params![head.tenant_code.as_str(), head.playbook_name.as_str(), head.idempotency_key];
        let holder = self.connection.prepare_cached(query::EXECUTION_BY_KEY).and_then(|mut holder| {
            holder.query_row(key, |row| row.get(0).map(ExecutionId::from_bytes)).optional()
        });
        match holder {
            Ok(Some(peid)) => Fault::Poison(key_taken(peid)),
            Ok(None) => fault,
            Err(error) => Fault::Sqlite(error),
        }
    }
}

/// The prepared [`Texts`] of one collection.
struct Collection<'c> {
    insert: CachedStatement<'c>,
    update: CachedStatement<'c>,
    has: CachedStatement<'c>,
}

impl<'c> Collection<'c> {
    fn prepare(connection: &'c Connection, texts: &Texts) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: connection.prepare_cached(&texts.insert)?,
            update: connection.prepare_cached(&texts.update)?,
            has: connection.prepare_cached(&texts.has)?,
        })
    }

    fn apply(
        &mut self,
        id: &[u8; 16],
        revision: Revision,
        (state, positions): (&impl Fields, &impl Fields),
        head: Option<&impl Fields>,
    ) -> Result<WriteOutcome, Fault> {
        let statement = if head.is_some() { &mut self.insert } else { &mut self.update };
        let mut row = Row::new(statement);
        row.id("_id", id)?;
        row.number("epoch", revision.epoch)?;
        row.number("seq", revision.seq)?;
        state.write_fields(&mut row)?;
        positions.write_fields(&mut row)?;
        if let Some(head) = head {
            head.write_fields(&mut row)?;
        }
        changed_or(row.execute()?, || if head.is_some() { Ok(true) } else { self.has.exists([id]) })
    }
}

/// A guard that did not match found a newer document, or none.
fn changed_or(
    changed: usize,
    exists: impl FnOnce() -> rusqlite::Result<bool>,
) -> Result<WriteOutcome, Fault> {
    if changed > 0 {
        Ok(WriteOutcome::Written)
    } else if exists()? {
        Ok(WriteOutcome::Stale)
    } else {
        Err(Fault::Poison("no such document".into()))
    }
}

/// Binds the parameters of one row in order. Every parameter is bound anew, so that no row inherits a value.
pub(super) struct Row<'s, 'c> {
    statement: &'s mut CachedStatement<'c>,
    bound: usize,
}

impl<'s, 'c> Row<'s, 'c> {
    pub(super) fn new(statement: &'s mut CachedStatement<'c>) -> Self {
        Self { statement, bound: 0 }
    }

    fn put(&mut self, value: impl ToSql) -> Result<(), Fault> {
        self.bound += 1;
        Ok(self.statement.raw_bind_parameter(self.bound, value)?)
    }

    pub(super) fn execute(self) -> rusqlite::Result<usize> {
        self.statement.raw_execute()
    }
}

impl FieldWriter for Row<'_, '_> {
    type Error = Fault;

    fn id(&mut self, _: &'static str, id: &[u8; 16]) -> Result<(), Fault> {
        self.put(id)
    }

    fn text(&mut self, _: &'static str, text: &str) -> Result<(), Fault> {
        self.put(text)
    }

    fn number(&mut self, _: &'static str, number: u64) -> Result<(), Fault> {
        let number = i64::try_from(number)
            .map_err(|_| Fault::Poison(format!("{number} is larger than the store can keep")))?;
        self.put(number)
    }

    fn json(&mut self, _: &'static str, json: &Json) -> Result<(), Fault> {
        self.put(json.as_str())
    }

    fn record(&mut self, _: &'static str, record: &impl Serialize) -> Result<(), Fault> {
        self.put(serde_json::to_string(record).map_err(|error| Fault::Poison(error.to_string()))?)
    }

    fn missing(&mut self, _: &'static str) -> Result<(), Fault> {
        self.put(rusqlite::types::Null)
    }
}
