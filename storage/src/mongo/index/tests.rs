//! Indexes are created if missing, and reported if they differ.

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::*;
use crate::mongo::testing::{TestDatabase, database};
use crate::mongo::{EXECUTIONS, MongoStore, PLAYBOOKS, TASKS};

/// The database, as another program sees it.
async fn outside(database: &TestDatabase) -> mongodb::Database {
    let client = Client::with_uri_str(database.uri()).await.unwrap();
    client.default_database().unwrap()
}

async fn indexes(database: &mongodb::Database, collection: &str) -> Vec<Document> {
    let mut answers = database.run_cursor_command(doc! { "listIndexes": collection }).await.unwrap();
    let mut found = Vec::new();
    while answers.advance().await.unwrap() {
        found.push(answers.deserialize_current().unwrap());
    }
    found.retain(|index| index.get_str("name").unwrap() != "_id_");
    found
}

async fn make(database: &mongodb::Database, collection: &str, index: Document) {
    database.run_command(doc! { "createIndexes": collection, "indexes": [index] }).await.unwrap();
}

async fn refused(database: &TestDatabase) -> String {
    match MongoStore::connect(database.uri()).await {
        Err(error @ Error::Refused(_)) => {
            assert!(!error.retryable());
            error.to_string()
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[tokio::test]
async fn an_empty_database_gets_every_index_and_keeps_them_at_the_next_start() {
    let database = database().await;
    let outside = outside(&database).await;
    for _ in 0..2 {
        database.store().await;
        for index in ALL {
            let found = indexes(&outside, index.collection).await;
            let named = |found: &&Document| found.get_str("name").unwrap() == index.name;
            assert_eq!(found.iter().filter(named).count(), 1, "{found:#?}");
            assert_eq!(found.len(), ALL.iter().filter(|other| other.collection == index.collection).count());
        }
    }
}

#[tokio::test]
async fn engines_that_start_at_once_all_succeed() {
    let database = database().await;
    let starts = (0..6).map(|_| MongoStore::connect(database.uri()));
    for start in futures_util::future::join_all(starts).await {
        start.map(drop).unwrap();
    }
    assert_eq!(indexes(&outside(&database).await, EXECUTIONS).await.len(), 8);
}

#[tokio::test]
async fn one_missing_index_is_made_beside_those_of_the_backend() {
    let database = database().await;
    let outside = outside(&database).await;
    make(&outside, TASKS, doc! { "key": { "tenant_code": 1, "team": 1 }, "name": "theirs" }).await;
    database.store().await;
    outside.run_command(doc! { "dropIndexes": TASKS, "index": "tasks_by_alert" }).await.unwrap();
    database.store().await;
    let mut names: Vec<String> =
        indexes(&outside, TASKS).await.iter().map(|i| i.get_str("name").unwrap().into()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "tasks_by_alert",
            "tasks_by_attempt",
            "tasks_by_execution",
            "tasks_by_retry_since",
            "tasks_by_wait",
            "tasks_by_wait_since",
            "tasks_unregistered",
            "tasks_waiting",
            "theirs"
        ]
    );
}

#[tokio::test]
async fn an_index_that_differs_is_reported_and_left_alone() {
    let database = database().await;
    let outside = outside(&database).await;
    let keys = doc! { "peid": 1, "task_seq": 1 };
    for (index, differs) in [
        (doc! { "key": keys.clone(), "name": "tasks_by_execution", "unique": true }, "unique"),
        (doc! { "key": keys.clone(), "name": "tasks_by_execution", "sparse": true }, "sparse"),
        (doc! { "key": { "peid": 1 }, "name": "tasks_by_execution" }, "existing index"),
        (doc! { "key": keys, "name": "theirs" }, "theirs"),
    ] {
        make(&outside, TASKS, index.clone()).await;
        let error = refused(&database).await;
        for part in [TASKS, differs, "once it is dropped, a start makes the right one"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert_eq!(indexes(&outside, TASKS).await.len(), 1, "nothing was dropped, nothing was made");
        let name = index.get_str("name").unwrap();
        outside.run_command(doc! { "dropIndexes": TASKS, "index": name }).await.unwrap();
    }
    database.store().await;
    assert_eq!(indexes(&outside, TASKS).await.len(), 8, "it is as the error says");
}

/// Its indexes would not distinguish `acme` and `Acme`.
#[tokio::test]
async fn a_collection_with_a_collation_of_its_own_is_refused() {
    let database = database().await;
    let outside = outside(&database).await;
    let collation = doc! { "locale": "en", "strength": 2 };
    outside.run_command(doc! { "create": EXECUTIONS, "collation": collation }).await.unwrap();
    let error = refused(&database).await;
    assert!(error.contains(EXECUTIONS) && error.contains("collation"), "{error}");
}

#[tokio::test]
async fn documents_of_one_key_are_reported_without_their_content() {
    let database = database().await;
    let outside = outside(&database).await;
    let book = || doc! { "tenant_code": "secret", "name": "phishing", "version": 1 };
    outside.collection(PLAYBOOKS).insert_many([book(), book()]).await.unwrap();
    let error = refused(&database).await;
    assert!(error.contains(PLAYBOOKS) && error.contains("documents of the same key"), "{error}");
    assert!(!error.contains("secret") && !error.contains("phishing"), "{error}");
}
