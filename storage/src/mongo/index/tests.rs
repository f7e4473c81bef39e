//! Indexes are created if missing, accepted if they are right, and reported if not.

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::*;
use crate::mongo::testing::{TestDatabase, database};
use crate::mongo::{DEAD_LETTERS, EXECUTIONS, MongoStore, PLAYBOOKS, TASKS};

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

fn named(name: &str) -> Index {
    *ALL.iter().find(|index| index.name == name).unwrap()
}

#[tokio::test]
async fn an_empty_database_gets_every_index_and_keeps_them_at_the_next_start() {
    let database = database().await;
    let outside = outside(&database).await;
    for _ in 0..2 {
        database.store().await;
        for index in ALL {
            let found = indexes(&outside, index.collection).await;
            assert_eq!(standing(index, &found), Standing::Right, "{found:#?}");
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
    assert_eq!(indexes(&outside(&database).await, EXECUTIONS).await.len(), 4);
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
            "theirs"
        ]
    );
}

#[tokio::test]
async fn the_right_index_under_another_name_is_taken() {
    let database = database().await;
    let outside = outside(&database).await;
    make(&outside, TASKS, doc! { "key": { "peid": 1.0, "task_seq": 1_i64 }, "name": "peid_1_task_seq_1" })
        .await;
    let partial = doc! { "uid": { "$exists": true } };
    let key = doc! { "uid": 1, "createddate": -1, "_id": -1 };
    make(&outside, EXECUTIONS, doc! { "key": key, "name": "u", "partialFilterExpression": partial }).await;
    database.store().await;
    assert_eq!(indexes(&outside, TASKS).await.len(), 7);
    assert_eq!(indexes(&outside, EXECUTIONS).await.len(), 4);
}

#[tokio::test]
async fn the_same_keys_with_other_options_are_reported_and_left_alone() {
    let options = [
        doc! { "unique": true },
        doc! { "sparse": true },
        doc! { "hidden": true },
        doc! { "partialFilterExpression": { "peid": { "$exists": true } } },
        doc! { "collation": { "locale": "en" } },
    ];
    let database = database().await;
    let outside = outside(&database).await;
    for (option, name) in options.into_iter().zip(["tasks_by_execution", "theirs"].into_iter().cycle()) {
        let mut index = doc! { "key": { "peid": 1, "task_seq": 1 }, "name": name };
        index.extend(option.clone());
        make(&outside, TASKS, index).await;
        let before = indexes(&outside, TASKS).await;
        let error = refused(&database).await;
        let option = option.keys().next().unwrap();
        for part in [TASKS, "index tasks_by_execution: found {", name, option, "expected {", "\"task_seq\""] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(error.ends_with("once what was found is dropped, a start makes what is expected"), "{error}");
        assert_eq!(indexes(&outside, TASKS).await, before, "nothing was dropped, nothing was made");
        outside.run_command(doc! { "dropIndexes": TASKS, "index": name }).await.unwrap();
    }
    database.store().await;
    assert_eq!(indexes(&outside, TASKS).await.len(), 7, "it is as the error says");
}

#[tokio::test]
async fn every_index_that_is_wrong_is_reported_at_once_and_none_is_made() {
    let database = database().await;
    let outside = outside(&database).await;
    // Not unique; other keys under a name of ours; with an expiry.
    make(&outside, PLAYBOOKS, doc! { "key": { "tenant_code": 1, "name": 1, "version": 1 }, "name": "n" })
        .await;
    make(&outside, TASKS, doc! { "key": { "alert_id": 1 }, "name": "tasks_by_alert" }).await;
    let short = doc! { "key": { "uid": 1 }, "name": "executions_by_user", "expireAfterSeconds": 60 };
    make(&outside, EXECUTIONS, short).await;
    let error = refused(&database).await;
    for part in
        ["index playbooks_by_name: found", "index tasks_by_alert: found", "index executions_by_user: found"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(error.contains("expireAfterSeconds"), "{error}");
    assert_eq!(indexes(&outside, EXECUTIONS).await.len(), 1);
    assert!(outside.list_collection_names().await.unwrap().iter().all(|name| name != DEAD_LETTERS));
}

/// Its indexes would not distinguish `acme` and `Acme`.
#[tokio::test]
async fn a_collection_with_a_collation_of_its_own_is_refused() {
    let database = database().await;
    let outside = outside(&database).await;
    let collation = doc! { "locale": "en", "strength": 2 };
    outside.run_command(doc! { "create": EXECUTIONS, "collation": collation }).await.unwrap();
    let error = refused(&database).await;
    assert!(error.contains("index executions_by_status: found {") && error.contains("collation"), "{error}");
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

#[test]
fn what_says_nothing_about_an_index_is_passed_over() {
    let index = named("executions_by_status");
    let key = doc! { "tenant_code": 1.0, "execution_status": 1_i64, "createddate": -1, "_id": -1.0 };
    let plain = doc! {
        "v": 1, "key": key, "name": "any", "ns": "a.b", "background": true, "unique": false, "hidden": false,
        "collation": { "locale": "simple" }, "storageEngine": { "wiredTiger": {} },
    };
    assert_eq!(standing(&index, &[plain]), Standing::Right);
    let other = |key: Document| standing(&index, &[doc! { "key": key, "name": "any" }]);
    let orders = [
        doc! { "tenant_code": 1, "execution_status": 1, "createddate": 1, "_id": -1 },
        doc! { "execution_status": 1, "tenant_code": 1, "createddate": -1, "_id": -1 },
        doc! { "tenant_code": 1, "execution_status": 1, "createddate": -1 },
        doc! { "tenant_code": 1, "execution_status": 1, "createddate": -1, "_id": -1, "more": 1 },
        doc! { "tenant_code": "hashed", "execution_status": 1, "createddate": -1, "_id": -1 },
    ];
    for key in orders {
        assert_eq!(other(key.clone()), Standing::Missing, "{key}");
    }
}

#[test]
fn an_option_that_nobody_knows_yet_is_not_taken_silently() {
    let index = named("tasks_by_execution");
    let found = doc! { "v": 2, "key": { "peid": 1, "task_seq": 1 }, "name": "x", "prepareUnique": true };
    assert!(matches!(standing(&index, &[found]), Standing::Wrong(_)));
}
