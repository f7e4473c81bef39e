//! Content that cannot be read: it is named without a panic, and the rows beside it stay readable.

use rusqlite::ToSql;

use super::*;
use crate::store::PlaybookStore;

/// A store with executions 1 and 2, a task of each and a playbook; one column was overwritten.
async fn damaged(table: &str, column: &str, value: impl ToSql) -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), Durability::Os).unwrap();
    let batch = vec![insert(1), insert(2), insert_task(1), insert_task(2)];
    let _ = store.write(batch).await.unwrap();
    let _ = store.put_playbook(playbook_document(1)).await.unwrap();
    let id = if table == "task_execution_collection" { *task_id(1).as_bytes() } else { *peid(1).as_bytes() };
    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE _id = ?1");
    assert_eq!(beside(folder.path()).execute(&sql, rusqlite::params![id, value]).unwrap(), 1);
    (folder, store)
}

fn names(error: &Error, id: impl std::fmt::Display, column: &str) {
    let Error::Corrupt(message) = error else { panic!("{error}") };
    assert!(message.contains(&format!("document {id}, {column}: ")), "{message}");
    assert!(!message.contains("secret"), "{message}");
    assert!(!error.retryable());
}

#[tokio::test]
async fn an_execution_names_its_id_and_column() {
    let table = "playbook_execution_collection";
    let short: &[u8] = b"secret";
    let texts = [
        ("execution_status", "secret"),
        ("input", "{\"secret\":"),
        ("variables", ""),
        ("output", "{} secret"),
        ("error", "{\"kind\":\"secret\"}"),
        ("playbook_name", "secret secret"),
    ];
    let numbers = [
        ("priority", 4_i64),
        ("playbook_version", -1),
        ("createddate", -1),
        ("finished_date", i64::MIN),
        ("epoch", -1),
        ("seq", i64::MIN),
    ];
    let mut values: Vec<(&str, &dyn ToSql)> = vec![("pid", &short)];
    values.extend(texts.iter().map(|(column, text)| (*column, text as &dyn ToSql)));
    values.extend(numbers.iter().map(|(column, number)| (*column, number as &dyn ToSql)));
    for (column, value) in values {
        let (_folder, store) = damaged(table, column, value).await;
        names(&store.execution(&tenant(), peid(1)).await.unwrap_err(), peid(1), column);
        assert!(store.execution(&tenant(), peid(2)).await.unwrap().is_some(), "{column}");
        let of = ExecutionQuery {
            tenant: tenant(),
            of: crate::store::ExecutionsOf::Any,
            after: None,
            limit: 9,
            detail: crate::store::Detail::Whole,
        };
        if !["execution_status", "createddate"].contains(&column) {
            names(&store.executions(of).await.unwrap_err(), peid(1), column);
            let unfinished = store.unfinished(None, 9).await;
            if ["input", "variables", "output"].contains(&column) {
                assert_eq!(unfinished.unwrap().len(), 2, "a summary has none of them");
            } else {
                names(&unfinished.unwrap_err(), peid(1), column);
            }
        }
    }
}

#[tokio::test]
async fn a_task_names_its_id_and_column() {
    let table = "task_execution_collection";
    for (column, text) in [("status", "secret"), ("response", "secret"), ("error", "[]"), ("step_id", "")] {
        let (_folder, store) = damaged(table, column, text).await;
        let error = store.tasks(&tenant(), peid(1), 0, 9).await.unwrap_err();
        names(&error, task_id(1), column);
        assert_eq!(store.tasks(&tenant(), peid(2), 0, 9).await.unwrap().len(), 1);
    }
    let (_folder, store) = damaged(table, "attempt", i64::from(u32::MAX) + 1).await;
    let error = store.tasks(&tenant(), peid(1), 0, 9).await.unwrap_err();
    names(&error, task_id(1), "attempt");
}

#[tokio::test]
async fn a_playbook_names_its_id_and_column() {
    let playbook = playbook_document(1);
    for (column, text) in [("status", "secret"), ("definition", "{secret}")] {
        let (_folder, store) = damaged("playbook_collection", column, text).await;
        names(&store.playbook(&tenant(), playbook.pid).await.unwrap_err(), playbook.pid, column);
        let named = store.playbook_named(&tenant(), &playbook.name, None).await;
        names(&named.unwrap_err(), playbook.pid, column);
    }
}

#[tokio::test]
async fn text_that_is_no_unicode_and_ids_of_another_length_are_named() {
    let (folder, store) = damaged("playbook_execution_collection", "uid", "x").await;
    let sql = "UPDATE playbook_execution_collection SET uid = CAST(x'ff00ff' AS TEXT)";
    beside(folder.path()).execute_batch(sql).unwrap();
    names(&store.execution(&tenant(), peid(2)).await.unwrap_err(), peid(2), "uid");
    let sql = "UPDATE playbook_execution_collection SET _id = x'01', idempotency_key = 'k' WHERE _id = ?1";
    beside(folder.path()).execute(sql, [peid(1).as_bytes()]).unwrap();
    let error = store.execution_by_key(&key("k")).await.unwrap_err();
    assert!(matches!(&error, Error::Corrupt(message) if message.contains("_id")), "{error}");
}
