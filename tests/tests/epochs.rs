//! A database that was lost or put back has forgotten the epochs that it gave. An engine that goes on from its journal takes
//! none of them again: the store would take all that it writes of an older execution for old, and it would run for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tempfile::TempDir;
use updraft::{Engine, ExecutionDocument, ExecutionId, ExecutionStatus, Loss, Playbook, Shutdown};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, named, soon, tenant};

const DATABASE: [&str; 3] = ["updraft.db", "updraft.db-wal", "updraft.db-shm"];

fn echo() -> Playbook {
    named("echo", "steps:\n  - {id: echo, action: tool.echo}\n")
}

/// A step that may be run again, and one after it that may not.
fn gated() -> Playbook {
    let steps = "steps:
  - {id: gate, action: tool.gate}
  - {id: once, action: tool.echo, at_most_once: true}
";
    named("gated", steps)
}

/// An engine that runs one execution and is closed in order.
async fn closed(harness: &Harness) {
    let engine = harness.start().await;
    harness.put(&engine, &gated()).await;
    let handle = harness.submit(&engine, &echo(), json!({})).await;
    assert_eq!(harness.end(&engine, &handle, &echo()).await.status(), ExecutionStatus::Completed);
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

/// What a kill leaves of an engine whose execution waits for its tool.
async fn killed(harness: &Harness) -> ExecutionId {
    let engine = harness.start().await;
    let calls = harness.tool.calls().len();
    let handle = harness.submit(&engine, &gated(), json!({})).await;
    harness.tool.begun(calls + 1).await;
    engine.flush().await.unwrap();
    let image = tempfile::tempdir().unwrap();
    copy(harness.path(), image.path());
    let _ = soon(engine.shutdown(std::time::Duration::ZERO)).await;
    drop(engine);
    fs::remove_dir_all(harness.path()).unwrap();
    copy(image.path(), harness.path());
    handle.peid()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else if entry.path().is_file() {
            assert!(fs::copy(entry.path(), to.join(entry.file_name())).is_ok());
        }
    }
}

fn remove_database(data: &Path) {
    for name in DATABASE {
        let _ = fs::remove_file(data.join(name));
    }
}

fn backup(data: &Path) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for name in DATABASE {
        let _ = fs::copy(data.join(name), place.path().join(name));
    }
    place
}

/// The highest epoch that the database gave.
fn epoch(data: &Path) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(data.join("updraft.db"), flags).unwrap();
    connection.query_row("SELECT max(epoch) FROM shard_collection", [], |row| row.get(0)).unwrap()
}

async fn accepting(harness: &Harness, loss: Loss) -> Engine {
    soon(harness.builder().accept_loss(loss).start()).await.unwrap()
}

async fn stored(engine: &Engine, peid: ExecutionId) -> ExecutionDocument {
    engine.flush().await.unwrap();
    engine.reader().execution(&tenant("acme"), peid).await.unwrap().unwrap().execution.as_ref().clone()
}

/// What it ended as stays, and nothing of it is run again.
async fn over(harness: &Harness, engine: Engine, peid: ExecutionId, status: ExecutionStatus) {
    let ended = stored(&engine, peid).await;
    assert_eq!(ended.state.execution_status, status);
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
    drop(engine);
    let (calls, before) = (harness.tool.calls().len(), epoch(harness.path()));
    let engine = harness.start().await;
    assert_eq!(engine.recovered().resumed, 0);
    assert_eq!((stored(&engine, peid).await, harness.tool.calls().len()), (ended, calls));
    assert!(epoch(harness.path()) > before);
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_that_goes_on_beside_an_older_database_is_stored_as_ended_and_run_once_more() {
    for note_lost in [false, true] {
        let harness = Harness::default();
        closed(&harness).await;
        let old = backup(harness.path());
        for _ in 0..3 {
            closed(&harness).await;
        }
        let peid = killed(&harness).await;
        let before = epoch(harness.path());
        remove_database(harness.path());
        copy(old.path(), harness.path());
        assert!(epoch(harness.path()) + 3 < before);
        if note_lost {
            // As if it were of a version that noted none.
            let noted = fs::read_to_string(harness.path().join("store")).unwrap();
            let lines = noted.lines().filter(|line| !line.starts_with("epoch"));
            fs::write(harness.path().join("store"), lines.collect::<Vec<_>>().join("\n")).unwrap();
        }
        let engine = accepting(&harness, Loss::OfStore).await;
        assert!(epoch(harness.path()) > before, "{} after {before}", epoch(harness.path()));
        let handle = engine.take_resumed().pop().unwrap();
        assert_eq!(handle.peid(), peid);
        harness.tool.open(1);
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
        assert_eq!((harness.tool.times("gate"), harness.tool.times("once")), (2, 1));
        over(&harness, engine, peid, ExecutionStatus::Completed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_whose_database_and_playbook_are_lost_is_stored_as_failed() {
    for note_lost in [false, true] {
        let harness = Harness::default();
        for _ in 0..3 {
            closed(&harness).await;
        }
        let peid = killed(&harness).await;
        let before = epoch(harness.path());
        remove_database(harness.path());
        if note_lost {
            fs::remove_file(harness.path().join("store")).unwrap();
        }
        let engine = accepting(&harness, Loss::OfStore).await;
        assert!(epoch(harness.path()) > before, "{} after {before}", epoch(harness.path()));
        for handle in engine.take_resumed() {
            let _ = soon(handle.wait()).await;
        }
        assert_eq!((harness.tool.times("gate"), harness.tool.times("once")), (1, 0));
        over(&harness, engine, peid, ExecutionStatus::Failed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_epoch_does_not_come_again_where_journal_and_database_were_both_put_back() {
    let harness = Harness::default();
    for _ in 0..3 {
        closed(&harness).await;
    }
    let (old, before) = (backup(harness.path()), epoch(harness.path()));
    closed(&harness).await;
    remove_database(harness.path());
    copy(old.path(), harness.path());
    // The journal holds nothing: the directory's note is all that knows.
    let engine = accepting(&harness, Loss::OfStore).await;
    assert!(epoch(harness.path()) > before + 1);
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}
