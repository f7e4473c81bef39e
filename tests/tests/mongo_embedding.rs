//! What a backend meets that stores on MongoDB: the address, the start that fails, the health, the reader beside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use updraft::{Engine, MongoStore, Reader, StartError, StoreAddress, StoreError, Trouble};
use updraft_storage::mongo::testing::{Server, ServerOptions, database};
use updraft_tests::{Harness, playbook, tenant};

const STEP: &str = "steps:\n  - {id: a, end: ok}\n";

#[tokio::test]
async fn an_address_is_enough_to_store_on_a_server_and_to_read_beside() {
    let database = database().await;
    let address: StoreAddress = database.uri().parse().unwrap();
    let harness = Harness::default();
    let engine = harness.builder().store_at(address.clone()).start().await.unwrap();
    let playbook = playbook(STEP);
    let handle = harness.submit(&engine, &playbook, json!({"domain": "a.example"})).await;
    let ended = handle.wait().await.unwrap();
    engine.flush().await.unwrap();
    let health = engine.health().await;
    assert!(health.is_well() && health.store.pool.is_some(), "{health:?}");
    assert_eq!(health.behind, 0);
    let reader = Reader::at(&address).await.unwrap();
    let read = reader.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    assert_eq!(*read.execution, ended);
    assert_eq!(
        read.tasks,
        engine.reader().execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap().tasks
    );
    assert!(reader.execution(&tenant("other"), handle.peid()).await.unwrap().is_none());
    assert!(reader.health().await.troubles.is_empty());
    let _ = engine.shutdown(updraft_tests::timeouts::TEST_TIMEOUT).await;
    let again = harness.builder().store(Arc::new(MongoStore::connect(database.uri()).await.unwrap()));
    let again = again.start().await.unwrap();
    assert_eq!(
        again.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap().execution,
        read.execution
    );
    let _ = again.shutdown(updraft_tests::timeouts::TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_start_without_its_server_fails_with_address_and_cause_and_leaves_the_directory_free() {
    // Port 1 is given to nobody who asks for any port, so that no other test listens there.
    let text = "mongodb://bob:s3cret@127.0.0.1:1/x?serverSelectionTimeoutMS=10000";
    let harness = Harness::default();
    let error = harness.builder().store_at(text.parse().unwrap()).start().await.err().unwrap();
    assert!(matches!(&error, StartError::Store(StoreError::Unavailable(_))) && error.retryable(), "{error}");
    let told = format!("{error} {error:?}");
    assert!(told.contains("mongodb://127.0.0.1:1/x"), "{told}");
    assert!(told.to_lowercase().contains("connection refused") && !told.contains("s3cret"), "{told}");
    let engine = harness.start().await;
    assert!(engine.health().await.is_well());
}

#[tokio::test]
async fn the_embedded_store_is_read_through_an_engine() {
    let refused = Reader::at(&StoreAddress::Embedded).await.err().unwrap();
    assert!(matches!(refused, StartError::Configuration(_)), "{refused}");
}

#[tokio::test]
async fn health_names_a_server_that_is_gone_while_executions_go_on() {
    let mut server = Server::start(ServerOptions { survives: true, ..ServerOptions::default() }).await;
    let address: StoreAddress = format!("{}?serverSelectionTimeoutMS=3000", server.uri()).parse().unwrap();
    let harness = Harness::default();
    let engine: Engine = harness.builder().store_at(address).start().await.unwrap();
    let playbook = playbook(STEP);
    let first = harness.submit(&engine, &playbook, json!({})).await;
    first.wait().await.unwrap();
    engine.flush().await.unwrap();
    server.kill().await;
    let health = engine.health().await;
    assert!(matches!(health.store.troubles.first(), Some(Trouble::Unreachable { .. })), "{health:?}");
    assert!(health.troubles.is_empty() && !health.is_well(), "{health:?}");
    let shown = serde_json::to_value(&health).unwrap();
    assert_eq!(shown["store"]["troubles"][0]["kind"], "unreachable");
    server.restart().await;
    let second = harness.submit(&engine, &playbook, json!({})).await;
    second.wait().await.unwrap();
    engine.flush().await.unwrap();
    let health = engine.health().await;
    assert!(health.is_well() && health.behind == 0, "{health:?}");
    let _ = engine.shutdown(Duration::from_secs(20)).await;
}
