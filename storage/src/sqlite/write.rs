//! Batches of updates: one transaction each, every update guarded by its revision. Never reads a document.

use rusqlite::{
    CachedStatement, Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params,
};
use serde::Serialize;
use updraft_protocol::{ExecutionHead, ExecutionId, ExecutionUpdate, TaskHead, TaskUpdate, Update};

use super::{fault, query};
use crate::store::{Error, WriteOutcome, key_taken};

/// Parameters 1 to 10 are those of [`UPDATE_EXECUTION`].
pub(super) const INSERT_EXECUTION: &str = "
INSERT INTO playbook_execution_collection (
    _id, epoch, seq, execution_status, started_date, updated_date, finished_date, playbook_runtime, output,
    error, tenant_code, pid, playbook_name, playbook_version, uid, alert_id, priority, createddate, input,
    variables, idempotency_key, input_hash)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
ON CONFLICT (_id) DO UPDATE SET
    epoch = excluded.epoch,
    seq = excluded.seq,
    execution_status = excluded.execution_status,
    started_date = coalesce(excluded.started_date, started_date),
    updated_date = excluded.updated_date,
    finished_date = coalesce(excluded.finished_date, finished_date),
    playbook_runtime = coalesce(excluded.playbook_runtime, playbook_runtime),
    output = coalesce(excluded.output, output),
    error = coalesce(excluded.error, error)
WHERE (excluded.epoch, excluded.seq) > (epoch, seq)";

pub(super) const UPDATE_EXECUTION: &str = "
UPDATE playbook_execution_collection SET
    epoch = ?2,
    seq = ?3,
    execution_status = ?4,
    started_date = coalesce(?5, started_date),
    updated_date = ?6,
    finished_date = coalesce(?7, finished_date),
    playbook_runtime = coalesce(?8, playbook_runtime),
    output = coalesce(?9, output),
    error = coalesce(?10, error)
WHERE _id = ?1 AND (?2, ?3) > (epoch, seq)";

pub(super) const HAS_EXECUTION: &str = "SELECT 1 FROM playbook_execution_collection WHERE _id = ?1";

/// Parameters 1 to 12 are those of [`UPDATE_TASK`].
pub(super) const INSERT_TASK: &str = "
INSERT INTO task_execution_collection (
    _id, epoch, seq, status, attempt, response, error, started_date, updated_date, runtime, wait, call, peid,
    task_seq, step_id, scope, tenant_code, alert_id, integration, action)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
ON CONFLICT (_id) DO UPDATE SET
    epoch = excluded.epoch,
    seq = excluded.seq,
    status = excluded.status,
    attempt = excluded.attempt,
    response = coalesce(excluded.response, response),
    error = coalesce(excluded.error, error),
    started_date = coalesce(excluded.started_date, started_date),
    updated_date = excluded.updated_date,
    runtime = coalesce(excluded.runtime, runtime),
    wait = coalesce(excluded.wait, wait),
    call = coalesce(excluded.call, call)
WHERE (excluded.epoch, excluded.seq) > (epoch, seq)";

pub(super) const UPDATE_TASK: &str = "
UPDATE task_execution_collection SET
    epoch = ?2,
    seq = ?3,
    status = ?4,
    attempt = ?5,
    response = coalesce(?6, response),
    error = coalesce(?7, error),
    started_date = coalesce(?8, started_date),
    updated_date = ?9,
    runtime = coalesce(?10, runtime),
    wait = coalesce(?11, wait),
    call = coalesce(?12, call)
WHERE _id = ?1 AND (?2, ?3) > (epoch, seq)";

pub(super) const HAS_TASK: &str = "SELECT 1 FROM task_execution_collection WHERE _id = ?1";

/// Updates after which whoever waits for a core goes first: a batch takes tens of milliseconds of one, and those who
/// submit and answer need it for some microseconds.
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

/// Begins to write. A transaction that could not even be rolled back is ended first.
pub(super) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Why one update was not applied.
enum Fault {
    /// It holds what SQLite cannot keep.
    Poison(String),
    /// SQLite says no.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What a batch needs, looked up once.
struct Statements<'c> {
    connection: &'c Connection,
    insert_execution: CachedStatement<'c>,
    update_execution: CachedStatement<'c>,
    has_execution: CachedStatement<'c>,
    insert_task: CachedStatement<'c>,
    update_task: CachedStatement<'c>,
    has_task: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            insert_execution: connection.prepare_cached(INSERT_EXECUTION)?,
            update_execution: connection.prepare_cached(UPDATE_EXECUTION)?,
            has_execution: connection.prepare_cached(HAS_EXECUTION)?,
            insert_task: connection.prepare_cached(INSERT_TASK)?,
            update_task: connection.prepare_cached(UPDATE_TASK)?,
            has_task: connection.prepare_cached(HAS_TASK)?,
        })
    }

    fn apply(&mut self, update: &Update) -> rusqlite::Result<WriteOutcome> {
        let outcome = match update {
            Update::Execution(update) => self.execution(update),
            Update::Task(update) => self.task(update),
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

    fn execution(&mut self, update: &ExecutionUpdate) -> Result<WriteOutcome, Fault> {
        let Some(head) = &update.head else {
            let changed = execution_state(&mut self.update_execution, update)?.execute()?;
            return changed_or(changed, || self.has_execution.exists([update.peid.as_bytes()]));
        };
        let mut row = execution_state(&mut self.insert_execution, update)?;
        execution_head(&mut row, head)?;
        match row.execute() {
            Err(error) if fault::is_taken(&error) => {
                Err(self.holder(head)?.map_or(Fault::Sqlite(error), |peid| Fault::Poison(key_taken(peid))))
            }
            changed => changed_or(changed?, || Ok(true)),
        }
    }

    /// The execution that has the idempotency key of another.
    fn holder(&self, head: &ExecutionHead) -> rusqlite::Result<Option<ExecutionId>> {
        let key = params![head.tenant_code.as_str(), head.playbook_name.as_str(), head.idempotency_key];
        let mut holder = self.connection.prepare_cached(query::EXECUTION_BY_KEY)?;
        holder.query_row(key, |row| row.get(0).map(ExecutionId::from_bytes)).optional()
    }

    fn task(&mut self, update: &TaskUpdate) -> Result<WriteOutcome, Fault> {
        let Some(head) = &update.head else {
            let changed = task_state(&mut self.update_task, update)?.execute()?;
            return changed_or(changed, || self.has_task.exists([update.task_id.as_bytes()]));
        };
        let mut row = task_state(&mut self.insert_task, update)?;
        task_head(&mut row, head)?;
        changed_or(row.execute()?, || Ok(true))
    }
}

/// A guard that let nothing through found a newer document, or none.
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

/// Binds the parameters of one row in order. Every one is bound anew, so that no row inherits a value.
struct Row<'s, 'c> {
    statement: &'s mut CachedStatement<'c>,
    bound: usize,
}

impl<'s, 'c> Row<'s, 'c> {
    fn new(statement: &'s mut CachedStatement<'c>) -> Self {
        Self { statement, bound: 0 }
    }

    fn put(&mut self, value: impl ToSql) -> Result<(), Fault> {
        self.bound += 1;
        Ok(self.statement.raw_bind_parameter(self.bound, value)?)
    }

    fn number(&mut self, value: u64) -> Result<(), Fault> {
        let value = i64::try_from(value)
            .map_err(|_| Fault::Poison(format!("{value} is larger than the store can keep")))?;
        self.put(value)
    }

    fn number_if_any(&mut self, value: Option<u64>) -> Result<(), Fault> {
        match value {
            Some(value) => self.number(value),
            None => self.put(rusqlite::types::Null),
        }
    }

    /// A failure, a wait or a call, as JSON.
    fn record(&mut self, record: Option<&impl Serialize>) -> Result<(), Fault> {
        let text = record.map(serde_json::to_string).transpose();
        self.put(text.map_err(|error| Fault::Poison(error.to_string()))?)
    }

    fn execute(self) -> rusqlite::Result<usize> {
        self.statement.raw_execute()
    }
}

fn execution_state<'s, 'c>(
    statement: &'s mut CachedStatement<'c>,
    update: &ExecutionUpdate,
) -> Result<Row<'s, 'c>, Fault> {
    let mut row = Row::new(statement);
    let state = &update.state;
    row.put(update.peid.as_bytes())?;
    row.number(update.revision.epoch)?;
    row.number(update.revision.seq)?;
    row.put(state.execution_status.as_str())?;
    row.number_if_any(state.started_date.map(|date| date.0))?;
    row.number(state.updated_date.0)?;
    row.number_if_any(state.finished_date.map(|date| date.0))?;
    row.number_if_any(state.playbook_runtime)?;
    row.put(state.output.as_ref().map(|output| output.as_str()))?;
    row.record(state.error.as_ref())?;
    Ok(row)
}

fn execution_head(row: &mut Row<'_, '_>, head: &ExecutionHead) -> Result<(), Fault> {
    row.put(head.tenant_code.as_str())?;
    row.put(head.pid.as_bytes())?;
    row.put(head.playbook_name.as_str())?;
    row.put(head.playbook_version)?;
    row.put(head.uid.as_deref())?;
    row.put(head.alert_id.as_deref())?;
    row.put(head.priority)?;
    row.number(head.createddate.0)?;
    row.put(head.input.as_str())?;
    row.put(head.variables.as_str())?;
    row.put(head.idempotency_key.as_deref())?;
    row.put(head.input_hash.map(|hash| hash.to_string()))
}

fn task_state<'s, 'c>(
    statement: &'s mut CachedStatement<'c>,
    update: &TaskUpdate,
) -> Result<Row<'s, 'c>, Fault> {
    let mut row = Row::new(statement);
    let state = &update.state;
    row.put(update.task_id.as_bytes())?;
    row.number(update.revision.epoch)?;
    row.number(update.revision.seq)?;
    row.put(state.status.as_str())?;
    row.put(state.attempt)?;
    row.put(state.response.as_ref().map(|response| response.as_str()))?;
    row.record(state.error.as_ref())?;
    row.number_if_any(state.started_date.map(|date| date.0))?;
    row.number(state.updated_date.0)?;
    row.number_if_any(state.runtime)?;
    row.record(state.wait.as_ref())?;
    row.record(state.call.as_ref())?;
    Ok(row)
}

fn task_head(row: &mut Row<'_, '_>, head: &TaskHead) -> Result<(), Fault> {
    row.put(head.peid.as_bytes())?;
    row.put(head.task_seq)?;
    row.put(head.step_id.as_str())?;
    row.put(head.scope.as_str())?;
    row.put(head.tenant_code.as_str())?;
    row.put(head.alert_id.as_deref())?;
    row.put(head.integration.as_str())?;
    row.put(head.action.as_str())
}
