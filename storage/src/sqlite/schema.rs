//! The schema of the embedded store: its tables, its indexes, its version. Never touches a document.

use rusqlite::{Connection, TransactionBehavior};

use super::fault;
use crate::store::Error;

/// The schema that this version reads and writes, and no other: none was released before it.
pub const VERSION: u32 = 25;

/// Ids are blobs of 16 bytes, dates are milliseconds, data is JSON text. Executions and tasks are in the tree of their
/// id: ids grow with time, so rows are added at its end and no second tree is needed.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS playbook_collection (
    _id BLOB NOT NULL PRIMARY KEY,
    tenant_code TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    category_id TEXT,
    definition TEXT NOT NULL,
    createddate INTEGER NOT NULL,
    updated_date INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS playbook_execution_collection (
    _id BLOB NOT NULL PRIMARY KEY,
    tenant_code TEXT NOT NULL,
    pid BLOB NOT NULL,
    playbook_name TEXT NOT NULL,
    playbook_version INTEGER NOT NULL,
    uid TEXT,
    alert_id TEXT,
    execution_status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    createddate INTEGER NOT NULL,
    started_date INTEGER,
    updated_date INTEGER NOT NULL,
    finished_date INTEGER,
    playbook_runtime INTEGER,
    input TEXT NOT NULL,
    variables TEXT NOT NULL,
    output TEXT,
    error TEXT,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    idempotency_key TEXT,
    input_hash TEXT,
    parent TEXT,
    rerun_of TEXT,
    cache TEXT NOT NULL,
    signals TEXT,
    ending TEXT,
    pause TEXT,
    controls TEXT,
    queue_position INTEGER,
    reprioritised INTEGER,
    started_position INTEGER,
    ended_position INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS task_execution_collection (
    _id BLOB NOT NULL PRIMARY KEY,
    peid BLOB NOT NULL,
    task_seq INTEGER NOT NULL,
    step_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    tenant_code TEXT NOT NULL,
    alert_id TEXT,
    integration TEXT NOT NULL,
    action TEXT NOT NULL,
    taken_from BLOB,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    response TEXT,
    error TEXT,
    started_date INTEGER,
    updated_date INTEGER NOT NULL,
    runtime INTEGER,
    wait TEXT,
    call TEXT,
    undo TEXT,
    registration_due INTEGER,
    waiting_position INTEGER,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS containment_collection (
    _id BLOB NOT NULL PRIMARY KEY,
    tenant_code TEXT NOT NULL,
    target TEXT NOT NULL,
    status TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    open_until INTEGER,
    due INTEGER,
    revision INTEGER NOT NULL,
    details TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS setting_collection (
    _id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    value TEXT NOT NULL,
    updated_date INTEGER NOT NULL,
    uid TEXT,
    reason TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS audit_collection (
    _id BLOB NOT NULL PRIMARY KEY,
    tenant_code TEXT,
    at INTEGER NOT NULL,
    uid TEXT,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    details TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dead_letter (
    _id TEXT NOT NULL PRIMARY KEY,
    tenant_code TEXT,
    peid BLOB NOT NULL,
    reason TEXT NOT NULL,
    updated_date INTEGER NOT NULL,
    letter TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS shard_collection (
    _id INTEGER NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL,
    epoch INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// `_id` ends the indexes of lists so that rows of one millisecond have an order too. An index on an optional field
/// leaves out rows without it; the index of waits has only tasks that wait for something from outside.
const INDEXES: &str = "
CREATE UNIQUE INDEX IF NOT EXISTS playbooks_by_name
    ON playbook_collection (tenant_code, name, version);
CREATE INDEX IF NOT EXISTS playbooks_by_category
    ON playbook_collection (tenant_code, status, category_id, name, version);
CREATE INDEX IF NOT EXISTS executions_by_status
    ON playbook_execution_collection (tenant_code, execution_status, createddate DESC, _id DESC);
CREATE INDEX IF NOT EXISTS executions_by_user
    ON playbook_execution_collection (uid, createddate DESC, _id DESC) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_by_runtime
    ON playbook_execution_collection (execution_status, createddate DESC, pid, playbook_runtime);
CREATE UNIQUE INDEX IF NOT EXISTS executions_by_key
    ON playbook_execution_collection (tenant_code, playbook_name, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_queued
    ON playbook_execution_collection (tenant_code, queue_position, _id, playbook_name)
    WHERE execution_status = 'queued';
CREATE INDEX IF NOT EXISTS executions_by_alert
    ON playbook_execution_collection (tenant_code, alert_id, playbook_name, createddate DESC)
    WHERE alert_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_started
    ON playbook_execution_collection (tenant_code, started_position, _id) WHERE started_position IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_ended
    ON playbook_execution_collection (tenant_code, ended_position, _id) WHERE ended_position IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_by_execution
    ON task_execution_collection (peid, task_seq);
CREATE INDEX IF NOT EXISTS tasks_by_alert
    ON task_execution_collection (tenant_code, alert_id, status) WHERE alert_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_by_wait
    ON task_execution_collection (tenant_code, wait ->> 'kind', wait ->> 'until', _id) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS tasks_by_wait_since
    ON task_execution_collection (wait ->> 'kind', wait ->> 'since', _id) WHERE status IN ('waiting', 'retrying');
CREATE INDEX IF NOT EXISTS tasks_by_attempt
    ON task_execution_collection (attempt, _id) WHERE status = 'retrying';
CREATE INDEX IF NOT EXISTS tasks_unregistered
    ON task_execution_collection (registration_due, _id) WHERE registration_due IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_waiting
    ON task_execution_collection (tenant_code, waiting_position, _id) WHERE waiting_position IS NOT NULL;
CREATE INDEX IF NOT EXISTS containments_open
    ON containment_collection (tenant_code, open_until, _id) WHERE open_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS containments_due
    ON containment_collection (due, _id) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS containments_by_target
    ON containment_collection (tenant_code, target, _id);
CREATE INDEX IF NOT EXISTS audit_by_tenant
    ON audit_collection (tenant_code, _id) WHERE tenant_code IS NOT NULL;
CREATE INDEX IF NOT EXISTS dead_letters_by_tenant
    ON dead_letter (tenant_code, _id) WHERE tenant_code IS NOT NULL;
";

/// Refuses a file that this version must not touch: a store of another schema, or another program's. Returns the
/// version that was found, 0 if there is no schema yet.
pub(super) fn check(connection: &Connection) -> Result<u32, Error> {
    let found: i32 = pragma(connection, "user_version")?;
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if ![0, VERSION].contains(&found) {
        let place = connection.path().unwrap_or("the embedded store").to_owned();
        return Err(Error::Schema { place, found, known: VERSION });
    }
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fault::store_error)?;
    if found == 0 && tables > 0 {
        return Err(Error::Refused("the database belongs to another program".into()));
    }
    Ok(found)
}

/// Creates everything that is missing, or nothing.
pub(super) fn create(connection: &mut Connection) -> Result<(), Error> {
    let make = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(INDEXES)?;
        let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        // If nothing is missing, nothing is written: a start that is then refused leaves the file as it was.
        if found != VERSION {
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()
    };
    make(connection).map_err(fault::store_error)
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, Error> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(fault::store_error)
}
