//! The WAL stays short, also if a reader delays it for a while.

use super::*;
use crate::sqlite::wal;

/// Writes a quarter of the pages that make a checkpoint due, and returns the length of the WAL.
async fn quarter(store: &SqliteStore, number: u128) -> i64 {
    let text = Json::from(json!("x".repeat(1 << 20)));
    let update = |row: u128| {
        let Update::Execution(update) = insert(number * 100 + row) else { panic!("an execution") };
        let mut update = Arc::unwrap_or_clone(update);
        update.state.output = Some(text.clone());
        Update::from(update)
    };
    let outcomes = store.write((0..8).map(update).collect()).await.unwrap();
    assert_eq!(outcomes, vec![WriteOutcome::Written; 8]);
    let pages =
        |connection: &mut Connection| wal::pages(connection).map_err(super::super::fault::store_error);
    store.writer.run(pages).await.unwrap()
}

#[tokio::test]
async fn it_is_used_again_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    let mut lengths = Vec::new();
    for number in 0..10 {
        lengths.push(quarter(&store, number).await);
    }
    assert!(lengths.iter().all(|pages| *pages < 2 * wal::CHECKPOINT_PAGES), "{lengths:?}");
    assert!(lengths.windows(2).any(|pair| pair[1] < pair[0]), "{lengths:?}");
}

#[tokio::test]
async fn a_long_read_puts_the_checkpoint_off_and_refuses_no_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    let at_once = |connection: &mut Connection| {
        connection.busy_timeout(std::time::Duration::ZERO).map_err(super::super::fault::store_error)
    };
    store.writer.run(at_once).await.unwrap();
    let reader = beside(folder.path());
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    let mut length = 0;
    for number in 0..6 {
        length = quarter(&store, number).await;
    }
    assert!(length > wal::CHECKPOINT_PAGES, "{length}");
    reader.execute_batch("COMMIT").unwrap();
    for number in 6..10 {
        length = quarter(&store, number).await;
    }
    assert!(length < wal::CHECKPOINT_PAGES, "{length}");
}
