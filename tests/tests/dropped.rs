//! Engines that are dropped without a shutdown: they stop as in a crash, and free their data directory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use updraft::{Engine, ExecutionStatus, Lost, Playbook, ReadError, SqliteStore, StartError, StoreError};
use updraft_tests::{Harness, playbook, soon, until};

fn two_steps() -> Playbook {
    playbook(
        "steps:
  - {id: first, action: tool.gate}
  - {id: second, action: tool.echo}
",
    )
}

/// Another engine in the same place, as soon as that is free.
async fn next(harness: &Harness) -> Engine {
    let mut next = None;
    until(async || {
        next = match harness.builder().start().await {
            Ok(engine) => Some(engine),
            Err(StartError::Store(StoreError::InUse { .. }) | StartError::Journal(_)) => None,
            Err(error) => panic!("{error}"),
        };
        next.is_some()
    })
    .await;
    next.unwrap()
}

fn is_free(lock: &Path) -> bool {
    File::options().write(true).open(lock).unwrap().try_lock().is_ok()
}

#[tokio::test]
async fn a_dropped_engine_frees_its_directory_while_calls_run_and_handles_are_held() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    harness.tool.begun(1).await;
    let reader = engine.reader();
    drop(engine);
    assert!(matches!(soon(handle.wait()).await, Err(ReadError::Lost(Lost::ShutDown))));
    harness.tool.dropped(1).await;
    let engine = next(&harness).await;
    assert_eq!(engine.recovered().resumed, 1);
    harness.tool.open(1);
    let resumed = engine.take_resumed().remove(0);
    let finished = harness.end(&engine, &resumed, &two_steps()).await;
    assert_eq!(finished.status(), ExecutionStatus::Completed);
    drop((reader, handle));
}

#[tokio::test]
async fn engines_are_dropped_and_started_in_one_place_again_and_again() {
    let harness = Harness::default();
    let mut engine = harness.start().await;
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    for _ in 0..5 {
        harness.tool.begun(1).await;
        drop(engine);
        engine = next(&harness).await;
    }
    harness.tool.open(9);
    let resumed = engine.handle(handle.tenant(), handle.peid()).await.unwrap().unwrap();
    assert_eq!(soon(resumed.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_dropped_engine_frees_its_directory_while_another_program_holds_up_the_store() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    harness.tool.begun(1).await;
    engine.flush().await.unwrap();
    let other = rusqlite::Connection::open(harness.path().join("updraft.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    harness.tool.open(1);
    soon(handle.wait()).await.unwrap();
    drop(engine);
    until(async || {
        is_free(&harness.path().join("updraft.lock")) && is_free(&harness.path().join("journal/journal.lock"))
    })
    .await;
    other.execute_batch("ROLLBACK").unwrap();
    let engine = next(&harness).await;
    assert!(engine.recovered().replayed > 0, "the journal has what the store did not take");
    let ended = engine.execution(handle.tenant(), handle.peid()).await.unwrap().unwrap();
    assert_eq!(ended.execution.state.execution_status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn the_store_that_an_engine_was_given_stays_the_embedders() {
    let harness = Harness::default();
    let elsewhere = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(elsewhere.path(), updraft::Durability::Os).unwrap());
    let given = || harness.builder().store(store.clone());
    let engine = given().start().await.unwrap();
    drop(engine);
    until(async || is_free(&harness.path().join("journal/journal.lock"))).await;
    assert!(!is_free(&elsewhere.path().join("updraft.lock")));
    let engine = given().start().await.unwrap();
    harness.put(&engine, &two_steps()).await;
}

#[test]
fn an_engine_that_is_dropped_after_its_runtime_frees_its_directory_too() {
    let harness = Harness::default();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let engine = first.block_on(harness.start());
    drop(first);
    drop(engine);
    drop(runtime().block_on(next(&harness)));
}
