//! A file of version 1: opened, upgraded in place, and as good as a new one.

use super::*;
use crate::sqlite::schema;
use crate::store::{Detail, ExecutionQuery, ExecutionsOf};

/// What version 1 made.
const VERSION_1: &str = "
CREATE TABLE playbook_collection (
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

CREATE TABLE playbook_execution_collection (
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
    idempotency_key TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE task_execution_collection (
    _id BLOB NOT NULL PRIMARY KEY,
    peid BLOB NOT NULL,
    task_seq INTEGER NOT NULL,
    step_id TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    tenant_code TEXT NOT NULL,
    alert_id TEXT,
    integration TEXT NOT NULL,
    action TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    response TEXT,
    error TEXT,
    started_date INTEGER,
    updated_date INTEGER NOT NULL,
    runtime INTEGER,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX playbooks_by_name
    ON playbook_collection (tenant_code, name, version);
CREATE INDEX playbooks_by_category
    ON playbook_collection (tenant_code, status, category_id, name, version);
CREATE INDEX executions_by_status
    ON playbook_execution_collection (tenant_code, execution_status, createddate DESC, _id DESC);
CREATE INDEX executions_by_user
    ON playbook_execution_collection (uid, createddate DESC, _id DESC) WHERE uid IS NOT NULL;
CREATE INDEX executions_by_runtime
    ON playbook_execution_collection (execution_status, createddate DESC, pid, playbook_runtime);
CREATE INDEX executions_by_key
    ON playbook_execution_collection (tenant_code, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_by_execution
    ON task_execution_collection (peid, task_seq);
CREATE INDEX tasks_by_alert
    ON task_execution_collection (tenant_code, alert_id, status) WHERE alert_id IS NOT NULL;

PRAGMA user_version = 1;
";

/// An execution with data and its task, as version 1 wrote them.
const ROWS: &str = r#"
INSERT INTO playbook_execution_collection (
    _id, tenant_code, pid, playbook_name, playbook_version, execution_status, priority, createddate,
    updated_date, input, variables, output, error, epoch, seq, idempotency_key)
VALUES (
    x'00000000000000000000000000000007', 'acme', x'00000000000000000000000000000001', 'phishing', 1,
    'failed', 0, 5, 6, '{"input":1}', '{"variable":2}', '{"output":3}',
    '{"kind":"store","message":"no","retryable":false,"retry_after_ms":null}', 1, 2, 'key');
INSERT INTO meta (key, value) VALUES ('epoch', 41);
"#;

fn version_1(dir: &Path) {
    let connection = beside(dir);
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    connection.execute_batch(ROWS).unwrap();
}

fn version(dir: &Path) -> u32 {
    beside(dir).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_file_of_version_1_keeps_what_it_has_and_takes_dead_letters() {
    let folder = tempfile::tempdir().unwrap();
    version_1(folder.path());
    assert_eq!(version(folder.path()), 1);
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    assert_eq!(version(folder.path()), schema::VERSION);

    let document = store.execution(&tenant(), peid(7)).await.unwrap().unwrap();
    assert_eq!(document.head.input.as_str(), r#"{"input":1}"#);
    assert_eq!(document.head.idempotency_key.as_deref(), Some("key"));
    assert_eq!(document.state.output.as_ref().unwrap().as_str(), r#"{"output":3}"#);
    assert_eq!(document.state.error.as_ref().unwrap().message, "no");
    assert_eq!((document.epoch, document.seq), (1, 2));
    let query = ExecutionQuery {
        tenant: tenant(),
        of: ExecutionsOf::Any,
        after: None,
        limit: 9,
        detail: Detail::Summary,
    };
    assert_eq!(store.executions(query).await.unwrap()[0].state.error, document.state.error);
    assert_eq!(store.next_epoch().await.unwrap(), 42);

    let Update::Execution(next) = insert(7) else { panic!("an execution") };
    let mut next = Arc::unwrap_or_clone(next);
    next.revision.epoch = 2;
    next.head = None;
    assert_eq!(store.write(vec![Update::from(next.clone())]).await.unwrap(), [WriteOutcome::Written]);
    let letter = DeadLetter::of(&Update::from(next), "never".into());
    store.bury(vec![letter.clone()]).await.unwrap();
    let kept = DeadLetter { tenant_code: Some(tenant()), ..letter };
    assert_eq!(store.dead_letters(Some(&tenant()), None, 9).await.unwrap(), [kept]);
}

#[tokio::test]
async fn an_upgraded_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let stores = AtomicUsize::new(0);
    conformance::run_all(async || {
        let dir = folder.path().join(stores.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&dir).unwrap();
        beside(&dir).execute_batch(VERSION_1).unwrap();
        Arc::new(SqliteStore::open(&dir, Durability::Os).unwrap()) as Arc<dyn Store>
    })
    .await
    .unwrap();
}
