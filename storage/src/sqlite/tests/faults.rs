//! A full disk, a busy file, a refused row: the data that is lost, and the errors.

use super::*;
use crate::conformance::epochs;
use crate::store::PlaybookStore;

async fn pragma(store: &SqliteStore, name: &'static str, value: i64) {
    let set = move |connection: &mut Connection| {
        connection
            .pragma_update_and_check(None, name, value, |_| Ok(()))
            .map_err(super::super::fault::store_error)
    };
    store.writer.run(set).await.unwrap();
}

fn large(number: u128) -> Update {
    let Update::Execution(update) = insert(number) else { panic!("an execution") };
    let mut update = Arc::unwrap_or_clone(update);
    update.state.output = Some(Json::from(json!("x".repeat(20_000))));
    Update::from(update)
}

#[tokio::test]
async fn a_full_store_takes_nothing_of_a_batch_and_all_of_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    assert_eq!(store.write(vec![insert(1)]).await.unwrap(), [WriteOutcome::Written]);
    pragma(&store, "max_page_count", 60).await;
    let batch: Vec<_> = (1..50).map(large).collect();
    let error = store.write(batch.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Full(_)) && error.retryable(), "{error}");
    assert!(store.execution(&tenant(), peid(2)).await.unwrap().is_none());
    assert_eq!(store.write(vec![insert(60)]).await.unwrap(), [WriteOutcome::Written], "a little still fits");

    pragma(&store, "max_page_count", 1_000_000).await;
    let outcomes = store.write(batch).await.unwrap();
    assert_eq!(outcomes[0], WriteOutcome::Stale);
    assert_eq!(outcomes[1..], vec![WriteOutcome::Written; 48]);
}

#[tokio::test]
async fn a_store_that_another_program_writes_is_unavailable_for_that_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    pragma(&store, "busy_timeout", 0).await;
    let other = beside(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for error in [
        store.write(vec![insert(1)]).await.unwrap_err(),
        store.put_playbook(playbook_document(1)).await.unwrap_err(),
        epochs::claim(&store, 0).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unavailable(_)) && error.retryable(), "{error}");
    }
    assert!(store.execution(&tenant(), peid(1)).await.unwrap().is_none(), "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.write(vec![insert(1)]).await.unwrap(), [WriteOutcome::Written]);
}

#[tokio::test]
async fn a_row_that_sqlite_refuses_is_poison_and_the_others_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let sql = format!(
        "CREATE TRIGGER no BEFORE INSERT ON playbook_execution_collection
         WHEN new._id = x'{}' BEGIN SELECT raise(ABORT, 'never'); END",
        peid(2).uuid().simple()
    );
    beside(folder.path()).execute_batch(&sql).unwrap();
    let outcomes = store.write(vec![insert(1), insert(2), insert_task(2), insert(3)]).await.unwrap();
    assert_eq!([&outcomes[0], &outcomes[2], &outcomes[3]], [&WriteOutcome::Written; 3]);
    assert_eq!(outcomes[1], WriteOutcome::Poison("never".into()));
    assert!(store.execution(&tenant(), peid(2)).await.unwrap().is_none());
    assert!(store.execution(&tenant(), peid(3)).await.unwrap().is_some());
    assert_eq!(store.tasks(&tenant(), peid(2), 0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_transaction_that_was_left_open_is_ended_before_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let leave_open = |connection: &mut Connection| {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(super::super::fault::store_error)
    };
    store.writer.run(leave_open).await.unwrap();
    assert_eq!(store.write(vec![insert(1)]).await.unwrap(), [WriteOutcome::Written]);
    assert!(store.execution(&tenant(), peid(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Fsync).unwrap();
    let write = |connection: &Connection| {
        connection.execute_batch("DELETE FROM meta").map_err(super::super::fault::store_error)
    };
    assert!(store.read(write).await.is_err());
}

#[tokio::test]
async fn written_rows_and_stale_ones_are_counted() {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    let _ = store.write(vec![insert(1), insert(2), insert_task(1)]).await.unwrap();
    let _ = store.write(vec![insert(1), insert(3)]).await.unwrap();
    let mut counted: Vec<_> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
            (key.key().name().to_owned(), labels.join(","), value)
        })
        .collect();
    counted.sort_by(|one, other| one.0.cmp(&other.0));
    let one = |name: &str, count| (name.to_owned(), "store=sqlite".to_owned(), DebugValue::Counter(count));
    let expected = [
        one("updraft_store_round_trips_total", 2),
        one("updraft_store_rows_written_total", 4),
        one("updraft_store_stale_total", 1),
    ];
    assert_eq!(counted, expected);
}
