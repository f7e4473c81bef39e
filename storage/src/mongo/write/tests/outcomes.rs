//! The outcomes of updates on a real server.

use std::sync::Arc;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use mongodb::IndexModel;
use mongodb::bson::doc;
use mongodb::options::IndexOptions;
use updraft_protocol::{ExecutionStatus, Json, Update};

use super::samples::{
    change, execution, executions, head, hostile, peid, revision, stored_execution, stored_task, task, tenant,
};
use crate::mongo::testing::{TestDatabase, database};
use crate::mongo::{EXECUTIONS, MongoStore, document};
use crate::store::{Error, ExecutionStore, WriteOutcome};

fn kinds(outcomes: &[WriteOutcome]) -> Vec<&'static str> {
    let kind = |outcome: &WriteOutcome| match outcome {
        WriteOutcome::Written => "written",
        WriteOutcome::Stale => "stale",
        WriteOutcome::Poison(_) => "poison",
        WriteOutcome::Retry(_) => "retry",
        WriteOutcome::Unknown(_) => "unknown",
    };
    outcomes.iter().map(kind).collect()
}

fn reasons(outcomes: &[WriteOutcome]) -> String {
    format!("{outcomes:?}")
}

async fn unique(store: &MongoStore, field: &str) {
    let options = IndexOptions::builder().unique(true).sparse(true).build();
    let index = IndexModel::builder().keys(doc! { field: 1 }).options(options).build();
    store.collection(EXECUTIONS).create_index(index).await.unwrap();
}

#[tokio::test]
async fn data_that_looks_like_orders_is_stored_as_it_is() {
    let database = database().await;
    let store = database.store().await;
    let mut first = execution(1);
    let mut of_task = task(1, 1);
    let batch = vec![Update::from(first.clone()), Update::from(of_task.clone())];
    assert_eq!(kinds(&store.write(batch).await.unwrap()), ["written"; 2]);
    let mut next = change(1, revision(1, 2));
    next.state.output = Some(hostile());
    let mut next_of_task = updraft_protocol::TaskUpdate { head: None, ..of_task.clone() };
    next_of_task.revision = revision(1, 2);
    next_of_task.state.response = Some(Json::from(serde_json::json!("$$NOW")));
    let batch = vec![Update::from(next.clone()), Update::from(next_of_task.clone())];
    assert_eq!(kinds(&store.write(batch).await.unwrap()), ["written"; 2]);
    first.state.merge(next.state);
    first.revision = next.revision;
    assert_eq!(store.execution(&tenant(), peid(1)).await.unwrap(), stored_execution(&first));
    of_task.state.merge(next_of_task.state);
    of_task.revision = next_of_task.revision;
    assert_eq!(store.tasks(&tenant(), peid(1), 0, 9).await.unwrap().first(), stored_task(&of_task).as_ref());
}

#[tokio::test]
async fn a_key_that_another_document_has_is_poison_without_its_value_and_the_others_are_written() {
    let database = database().await;
    let store = database.store().await;
    unique(&store, "input.host").await;
    unique(&store, "playbook_runtime").await;
    let at = |number, host: &str| {
        let mut update = execution(number);
        update.head = Some(head(Json::from(serde_json::json!({"host": host}))));
        update
    };
    let batch = executions([at(1, "secret-host"), at(2, "secret-host"), at(3, "another")]);
    let outcomes = store.write(batch).await.unwrap();
    let mut sorted = kinds(&outcomes);
    sorted.sort_unstable();
    assert_eq!(sorted, ["poison", "written", "written"]);
    assert_eq!(kinds(&outcomes)[2], "written");
    assert!(reasons(&outcomes).contains("11000") && !reasons(&outcomes).contains("secret-host"));
    let there = if kinds(&outcomes)[0] == "written" { 1 } else { 2 };
    let taken = |number| {
        let mut update = change(number, revision(1, 2));
        update.state.playbook_runtime = Some(424_242);
        update
    };
    let outcomes = store.write(executions([taken(there), taken(3)])).await.unwrap();
    let mut sorted = kinds(&outcomes);
    sorted.sort_unstable();
    assert_eq!(sorted, ["poison", "written"], "{outcomes:?}");
    assert!(!reasons(&outcomes).contains("424242"));
}

#[tokio::test]
async fn a_document_that_the_collections_rules_forbid_is_poison_without_its_content() {
    let database = database().await;
    let store = database.store().await;
    store.write(executions([execution(1)])).await.unwrap();
    let rules = doc! { "execution_status": { "$in": ["executing"] } };
    let forbid = doc! { "collMod": EXECUTIONS, "validator": rules };
    store.database.run_command(forbid).await.unwrap();
    let failed = |number, head| {
        let mut update = change(number, revision(1, 2));
        (update.head, update.state.execution_status) = (head, ExecutionStatus::Failed);
        update.state.output = Some(Json::from(serde_json::json!("secret-output")));
        update
    };
    let batch = executions([failed(1, None), execution(2), failed(3, execution(3).head)]);
    let outcomes = store.write(batch).await.unwrap();
    assert_eq!(kinds(&outcomes), ["poison", "written", "poison"]);
    assert!(reasons(&outcomes).contains("121") && !reasons(&outcomes).contains("secret-output"));
}

#[tokio::test]
async fn a_document_that_somebody_else_made_is_poison_and_stays() {
    let database = database().await;
    let store = database.store().await;
    let unknown_documents = doc! { "_id": document::id(peid(1).uuid()), "epoch": "new", "seq": 1 };
    let documents = store.database.collection::<mongodb::bson::Document>(EXECUTIONS);
    documents.insert_one(&unknown_documents).await.unwrap();
    let outcomes = store.write(executions([execution(1), execution(2)])).await.unwrap();
    assert_eq!(kinds(&outcomes), ["poison", "written"]);
    let outcomes = store.write(executions([change(1, revision(1, 2))])).await.unwrap();
    assert_eq!(kinds(&outcomes), ["poison"]);
    let found = documents.find_one(doc! { "_id": &unknown_documents["_id"] }).await.unwrap();
    assert_eq!(found, Some(unknown_documents));
}

#[tokio::test]
async fn a_batch_of_everything_is_answered_in_order() {
    let database = database().await;
    let store = database.store().await;
    store.write(executions([execution(1), execution(2), execution(3)])).await.unwrap();
    store.write(executions([change(2, revision(2, 7))])).await.unwrap();
    let mut too_new = execution(9);
    too_new.revision = revision(u64::MAX, 1);
    let again =
        |number, seq| updraft_protocol::ExecutionUpdate { revision: revision(1, seq), ..execution(number) };
    let batch = vec![
        Update::from(change(1, revision(1, 2))),
        Update::from(task(1, 1)),
        Update::from(change(2, revision(2, 6))),
        Update::from(too_new),
        Update::from(again(3, 2)),
        Update::from(change(8, revision(1, 2))),
        Update::from(execution(5)),
        Update::from(updraft_protocol::TaskUpdate { head: None, ..task(7, 7) }),
    ];
    let expected = ["written", "written", "stale", "poison", "written", "poison", "written", "poison"];
    assert_eq!(kinds(&store.write(batch).await.unwrap()), expected);
}

#[tokio::test]
async fn a_batch_that_comes_again_in_part_is_confirmed() {
    let database = database().await;
    let store = database.store().await;
    store.write(executions((0..3).map(execution))).await.unwrap();
    store.write(executions([change(0, revision(1, 2))])).await.unwrap();
    let again = store.write(executions((0..3).map(|number| change(number, revision(1, 2))))).await.unwrap();
    // `update` does not report which of its documents were as new before: the first counts as written once more.
    assert_eq!(kinds(&again), ["written", "written", "written"]);
    let again = store.write(executions((0..3).map(|number| change(number, revision(1, 2))))).await.unwrap();
    assert_eq!(kinds(&again), ["stale"; 3]);
}

#[tokio::test]
async fn a_write_concern_that_cannot_be_met_leaves_the_batch_unknown() {
    let database = database().await;
    let store = database.store().await;
    let join = if database.uri().contains('?') { '&' } else { '?' };
    let greedy = format!("{}{join}w=7&wtimeoutMS=200", database.uri());
    let greedy = MongoStore::builder(greedy).connect().await.unwrap();
    for batch in [executions([execution(1)]), executions([change(1, revision(1, 2))])] {
        let error = greedy.write(batch).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable(why) if why.contains("confirmed")), "{error:?}");
    }
    let outcomes = store.write(executions([change(1, revision(1, 3))])).await.unwrap();
    assert_eq!(kinds(&outcomes), ["written"], "what was not confirmed may be there");
}

async fn counted(database: &TestDatabase, batch: Vec<Update>) -> [u64; 3] {
    let store = database.store().await;
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let recording = metrics::set_default_local_recorder(&recorder);
    let _ = store.write(batch).await.unwrap();
    drop(recording);
    let counts: Vec<_> = snapshotter.snapshot().into_vec();
    ["round_trips", "rows_written", "stale"].map(|name| {
        let name = format!("updraft_store_{name}_total");
        let of = |value: &DebugValue| if let DebugValue::Counter(count) = value { *count } else { 0 };
        counts.iter().filter(|count| count.0.key().name() == name).map(|count| of(&count.3)).sum()
    })
}

#[tokio::test]
async fn a_batch_takes_few_round_trips_and_they_are_counted() {
    let database = database().await;
    // 150 executions of five steps.
    let all: Vec<_> = (0..150)
        .flat_map(|number| {
            let tasks = (1..=5).map(move |task_seq| Update::from(task(number, task_seq)));
            [Update::from(execution(number))].into_iter().chain(tasks)
        })
        .collect();
    assert_eq!(counted(&database, all.clone()).await, [2, 900, 0]);
    let later = |update: &Update| {
        let mut update = update.clone();
        match &mut update {
            Update::Execution(update) => {
                let update = Arc::make_mut(update);
                (update.head, update.revision) = (None, revision(1, 2));
            }
            Update::Task(update) => {
                let update = Arc::make_mut(update);
                (update.head, update.revision) = (None, revision(1, 2));
            }
        }
        update
    };
    let new = [Update::from(execution(200)), Update::from(task(200, 1))];
    let batch = new.into_iter().chain(all.iter().map(later)).collect();
    assert_eq!(counted(&database, batch).await, [4, 902, 0]);
    // All again: inserts meet their documents, the guard does not match, and a read finds the reason.
    let [round_trips, written, stale] = counted(&database, all).await;
    assert_eq!([written, stale], [0, 900]);
    assert!(round_trips <= 6, "{round_trips}");
}
