//! Opening and closing: the lock, the schema, a file of another program, a process that is killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;
use crate::conformance::epochs;
use crate::sqlite::schema;
use crate::store::{PlaybookStore, PutOutcome};

const CHILD: &str = "sqlite::tests::opening::a_process_that_is_killed";
#[cfg(unix)]
const OTHER: &str = "sqlite::tests::opening::another_program_that_would_have_it_alone";
const CHILD_DIR: &str = "UPDRAFT_TEST_STORE";

/// One of the ignored tests here, as a process of its own.
fn child(test: &str, dir: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored", "--nocapture"]).env(CHILD_DIR, dir);
    child
}

fn refused(dir: &Path) -> Error {
    SqliteStore::open(dir, Durability::Fsync).err().unwrap()
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("made/when/missing");
    let store = SqliteStore::open(&dir, Durability::Fsync).unwrap();
    let error = refused(&dir);
    assert!(matches!(&error, Error::InUse { path } if path.ends_with(LOCK)), "{error}");
    assert!(!error.retryable());
    store.ping().await.unwrap();
    drop(store);
    SqliteStore::open(&dir, Durability::Fsync).unwrap();
}

#[tokio::test]
async fn a_store_that_gave_its_lock_back_can_be_read_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    let _ = store.put_playbook(playbook_document(7)).await.unwrap();
    store.release().await.unwrap();
    let next = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    assert!(matches!(store.put_playbook(playbook_document(8)).await, Err(Error::Refused(_))));
    assert!(matches!(epochs::claim(&store, 0).await, Err(Error::Refused(_))));
    assert_eq!(next.write(vec![insert(1)]).await.unwrap(), [WriteOutcome::Written]);
    assert!(
        store.execution(&tenant(), peid(1)).await.unwrap().is_some(),
        "the first sees what the second does"
    );
    assert!(matches!(refused(folder.path()), Error::InUse { .. }));
    drop(store);
    assert!(matches!(refused(folder.path()), Error::InUse { .. }), "the lock is the second's now");
}

/// A process that opens the file without SQLite releases, when it closes it, every lock that it has on it. A program
/// with an older SQLite that reads the database then takes itself for the last one, and removes the WAL that is still
/// written to.
#[cfg(unix)]
#[tokio::test]
async fn a_store_that_is_opened_beside_one_that_is_still_read_leaves_its_locks() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let _ = store.put_playbook(playbook_document(7)).await.unwrap();
    store.release().await.unwrap();
    let alone = || {
        let asked = child(OTHER, folder.path()).output().unwrap();
        String::from_utf8(asked.stdout).unwrap().contains("it is mine alone")
    };
    assert!(!alone());
    let next = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    assert!(!alone(), "the locks of the first went when the second was opened");
    drop((next, store));
    assert!(alone());
}

#[cfg(unix)]
#[test]
#[ignore = "run as a process of its own by the test above"]
fn another_program_that_would_have_it_alone() {
    use rustix::fs::{FlockOperation, fcntl_lock};

    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let file = std::fs::File::options().write(true).open(Path::new(&dir).join(DATABASE)).unwrap();
    if fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        println!("\nit is mine alone");
    }
}

#[tokio::test]
async fn a_crash_frees_the_lock_and_loses_no_answered_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child(CHILD, folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("answered")), "the child came to its end");
    assert!(matches!(refused(folder.path()), Error::InUse { .. }));
    child.kill().unwrap();
    child.wait().unwrap();

    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    for number in 0..100 {
        assert!(store.execution(&tenant(), peid(number)).await.unwrap().is_some(), "{number}");
    }
    let put = store.put_playbook(playbook_document(8)).await.unwrap();
    assert_eq!(put, PutOutcome::Unchanged(playbook_document(7).pid));
    assert_eq!(epochs::claim(&store, 0).await.unwrap().highest(), 2);
}

#[tokio::test]
#[ignore = "run as a process of its own by the test above"]
async fn a_process_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let store = SqliteStore::open(Path::new(&dir), Durability::Os).unwrap();
    let outcomes = store.write((0..100).map(insert).collect()).await.unwrap();
    assert_eq!(outcomes, vec![WriteOutcome::Written; 100]);
    assert_eq!(store.put_playbook(playbook_document(7)).await.unwrap(), PutOutcome::Created);
    assert_eq!(epochs::claim(&store, 0).await.unwrap().highest(), 1);
    println!("\nanswered");
    // Until it is killed, or its parent has ended.
    std::io::stdin().lines().for_each(drop);
}

#[test]
fn another_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path(), Durability::Fsync).unwrap());
    let version = i64::from(schema::VERSION);
    for other in [version + 1, version - 1, i64::from(i32::MAX), -1] {
        beside(folder.path()).pragma_update(None, "user_version", other).unwrap();
        let before = std::fs::read(folder.path().join(DATABASE)).unwrap();
        let error = refused(folder.path());
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
        assert!(
            matches!(error, Error::Schema { found, known: schema::VERSION, .. } if found != schema::VERSION)
        );
        assert_eq!(std::fs::read(folder.path().join(DATABASE)).unwrap(), before);
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    beside(folder.path()).execute_batch("CREATE TABLE theirs (a)").unwrap();
    assert!(matches!(refused(folder.path()), Error::Refused(_)));
    let tables: i64 =
        beside(folder.path()).query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_file_that_is_no_database_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(DATABASE),
        "no database at all, and long enough for a header".repeat(9),
    )
    .unwrap();
    assert!(matches!(refused(folder.path()), Error::Corrupt(_)));
}

#[test]
fn a_folder_that_cannot_be_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(refused(&file.join("below")), Error::Unavailable(_)));
}

#[test]
fn the_tables_have_the_documented_columns() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path(), Durability::Fsync).unwrap());
    let connection = beside(folder.path());
    let columns = |table: &str| -> String {
        let sql = "SELECT group_concat(name, ' ') FROM pragma_table_info(?1)";
        connection.query_row(sql, [table], |row| row.get(0)).unwrap()
    };
    assert_eq!(
        columns("playbook_collection"),
        "_id tenant_code name version status category_id definition createddate updated_date"
    );
    assert_eq!(
        columns("playbook_execution_collection"),
        "_id tenant_code pid playbook_name playbook_version uid alert_id execution_status priority createddate \
         started_date updated_date finished_date playbook_runtime input variables output error epoch seq \
         idempotency_key input_hash parent rerun_of cache signals ending pause controls queue_position reprioritised \
         started_position ended_position"
    );
    assert_eq!(
        columns("task_execution_collection"),
        "_id peid task_seq step_id scope tenant_code alert_id integration action taken_from status attempt \
         response error started_date updated_date runtime wait call undo registration_due waiting_position \
         epoch seq"
    );
}

#[test]
fn a_missing_index_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = || -> Vec<String> {
        let connection = beside(folder.path());
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
            .unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    drop(SqliteStore::open(folder.path(), Durability::Fsync).unwrap());
    let made = indexes();
    assert_eq!(made.len(), 22, "{made:?}");
    for index in &made {
        beside(folder.path()).execute_batch(&format!("DROP INDEX {index}")).unwrap();
    }
    assert!(indexes().is_empty());
    drop(SqliteStore::open(folder.path(), Durability::Fsync).unwrap());
    assert_eq!(indexes(), made);
}

#[tokio::test]
async fn playbooks_and_epochs_are_synced_at_every_level() {
    for (durability, level) in [(Durability::Fsync, 2), (Durability::Os, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path(), durability).unwrap();
        let synchronous = |connection: &mut Connection| -> Result<i64, Error> {
            connection
                .pragma_query_value(None, "synchronous", |row| row.get(0))
                .map_err(super::super::fault::store_error)
        };
        assert_eq!(store.change_durably(synchronous).await.unwrap(), 2);
        assert_eq!(store.writer.run(synchronous).await.unwrap(), level);
    }
}
