//! Batches larger than a message, and documents of the largest size.

use updraft_protocol::limits::{MONGO_DOCUMENT_BYTES, RESPONSE_BYTES};
use updraft_protocol::{ExecutionUpdate, Json, Update};

use super::model::LIMITS;
use super::samples::{change, execution, executions, peid, revision, stored_execution, task, tenant};
use crate::mongo::server::Server;
use crate::mongo::testing::database;
use crate::mongo::write::operation::{Operation, messages};
use crate::mongo::{MongoStore, document};
use crate::store::{ExecutionStore, WriteOutcome};

fn lengths(runs: &[&[Operation]]) -> Vec<usize> {
    runs.iter().map(|run| run.len()).collect()
}

/// Ten executions and five tasks, to be inserted.
fn fifteen() -> Vec<Operation> {
    let tasks = (1..=5).map(|task_seq| Update::from(task(1, task_seq)));
    let mixed = executions((0..10).map(execution)).into_iter().chain(tasks).enumerate();
    mixed.map(|(at, update)| Operation::of(at, &update, true, &LIMITS).unwrap()).collect()
}

#[test]
fn operations_are_cut_by_their_number_their_bytes_and_their_collection() {
    let operations = fifteen();
    let split = |operations, batch_operations, document_bytes| {
        messages(operations, &Server { batch_operations, document_bytes, ..LIMITS })
    };
    let all = 1 << 20;
    assert_eq!(lengths(&split(&operations, 1_000, all)), [10, 5]);
    assert_eq!(lengths(&split(&operations, 4, all)), [4, 4, 2, 4, 1]);
    assert_eq!(lengths(&split(&operations, 1_000, 1)), [1; 15]);
    assert!(split(&[], 1, 1).is_empty());
    let two = 2 * (operations[0].body.as_bytes().len() + 400);
    let runs = split(&operations, 1_000, two);
    assert_eq!(runs.iter().map(|run| run.len()).sum::<usize>(), 15);
    assert!(runs.len() > 5 && runs.iter().all(|run| run[0].collection == run[run.len() - 1].collection));
}

#[tokio::test]
async fn a_batch_larger_than_a_message_is_written_all_the_same() {
    let database = database().await;
    let mut store = MongoStore::clone(&*database.store().await);
    (store.server.document_bytes, store.server.batch_operations) = (10_000, 30);
    let of = |number| execution(number);
    let outcomes = store.write(executions((0..100).map(of))).await.unwrap();
    assert_eq!(outcomes, vec![WriteOutcome::Written; 100]);
    let changes = |seq| executions((0..110).map(move |number| change(number, revision(1, seq))));
    for (seq, expected) in [(2, WriteOutcome::Written), (1, WriteOutcome::Stale)] {
        let outcomes = store.write(changes(seq)).await.unwrap();
        assert_eq!(outcomes[..100], vec![expected; 100]);
        assert!(outcomes[100..].iter().all(|outcome| matches!(outcome, WriteOutcome::Poison(_))));
    }
}

/// An execution whose document has so many bytes.
fn of_bytes(number: u64, bytes: usize) -> ExecutionUpdate {
    let with = |letters: usize| {
        let mut update = execution(number);
        update.state.output = Some(Json::from(serde_json::Value::String("x".repeat(letters))));
        update
    };
    let large = 12 << 20;
    let document = document::of_update(&with(large).into(), true).unwrap();
    with(large + bytes - document.as_bytes().len())
}

#[tokio::test]
async fn documents_of_the_largest_size_are_written_and_larger_ones_are_poison() {
    let database = database().await;
    let store = database.store().await;
    let largest = of_bytes(1, MONGO_DOCUMENT_BYTES);
    // Together more than a message of 48 MB.
    let batch =
        [largest.clone(), of_bytes(2, MONGO_DOCUMENT_BYTES + 1), of_bytes(3, MONGO_DOCUMENT_BYTES - 1)];
    let batch = executions(batch.into_iter().chain([of_bytes(4, MONGO_DOCUMENT_BYTES), execution(5)]));
    let outcomes = store.write(batch).await.unwrap();
    assert!(
        matches!(&outcomes[1], WriteOutcome::Poison(why) if why.contains("16777216")),
        "{:?}",
        outcomes[1]
    );
    for at in [0, 2, 3, 4] {
        assert_eq!(outcomes[at], WriteOutcome::Written, "{at}");
    }
    let stored = store.execution(&tenant(), peid(1)).await.unwrap();
    assert!(stored == stored_execution(&largest));
}

#[tokio::test]
async fn a_server_that_takes_less_is_sent_less() {
    let database = database().await;
    let mut store = MongoStore::clone(&*database.store().await);
    store.server.document_bytes = 3_000;
    let large = |mut update: ExecutionUpdate| {
        update.state.output = Some(Json::from(serde_json::json!("x".repeat(3_000))));
        update
    };
    let outcomes = store.write(executions([execution(1), large(execution(2)), execution(3)])).await.unwrap();
    assert_eq!([&outcomes[0], &outcomes[2]], [&WriteOutcome::Written; 2]);
    assert!(matches!(&outcomes[1], WriteOutcome::Poison(why) if why.contains("3000")));
    let next = [change(1, revision(1, 2)), large(change(3, revision(1, 2)))];
    let outcomes = store.write(executions(next)).await.unwrap();
    assert_eq!(outcomes[0], WriteOutcome::Written);
    assert!(matches!(outcomes[1], WriteOutcome::Poison(_)));
}

#[tokio::test]
async fn changes_that_make_a_document_large_are_written() {
    let database = database().await;
    let store = database.store().await;
    store.write(executions([execution(1), execution(2)])).await.unwrap();
    let next = |number| {
        let mut next = change(number, revision(1, 2));
        next.state.output = Some(Json::from(serde_json::json!({"$big": "x".repeat(RESPONSE_BYTES)})));
        next
    };
    let outcomes = store.write(executions([next(1), next(2)])).await.unwrap();
    assert_eq!(outcomes, vec![WriteOutcome::Written; 2]);
    let stored = store.execution(&tenant(), peid(2)).await.unwrap().unwrap();
    assert_eq!(stored.state.output, next(2).state.output);
}
