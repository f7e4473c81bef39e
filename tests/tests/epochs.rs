//! A database that was lost or put back has forgotten the epochs that it gave. An engine that goes on from its journal takes
//! none of them again: the store would take all that it writes of an older execution for old, and it would run for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tempfile::TempDir;
use updraft::{Engine, ExecutionDocument, ExecutionId, ExecutionStatus, Loss, Playbook, Shutdown};
use updraft_tests::timeouts::PATIENCE;
use updraft_tests::{Harness, named, soon, tenant};

const DATABASE: [&str; 3] = ["updraft.db", "updraft.db-wal", "updraft.db-shm"];

fn echo() -> Playbook {
    named("echo", "steps:\n  - {id: echo, type: action, integration: tool, action: echo}\n")
}

/// A step that may be run again, and one after it that may not.
fn gated() -> Playbook {
    let steps = "steps:
  - {id: gate, type: action, integration: tool, action: gate, on_success: once}
  - {id: once, type: action, integration: tool, action: echo, at_most_once: true}
";
    named("gated", steps)
}

/// An engine that runs one execution and is closed in order.
async fn closed(lab: &Harness) {
    let engine = lab.start().await;
    lab.put(&engine, &gated()).await;
    let handle = lab.submit(&engine, &echo(), json!({})).await;
    assert_eq!(lab.end(&engine, &handle, &echo()).await.status(), ExecutionStatus::Completed);
    assert_eq!(soon(engine.shutdown(PATIENCE)).await, Shutdown::Stored);
}

/// What a kill leaves of an engine whose execution waits for its tool.
async fn killed(lab: &Harness) -> ExecutionId {
    let engine = lab.start().await;
    let calls = lab.tool.calls().len();
    let handle = lab.submit(&engine, &gated(), json!({})).await;
    lab.tool.begun(calls + 1).await;
    engine.flush().await.unwrap();
    let image = tempfile::tempdir().unwrap();
    copy(lab.path(), image.path());
    let _ = soon(engine.shutdown(std::time::Duration::ZERO)).await;
    drop(engine);
    fs::remove_dir_all(lab.path()).unwrap();
    copy(image.path(), lab.path());
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

async fn accepting(lab: &Harness, loss: Loss) -> Engine {
    soon(lab.builder().accept_loss(loss).start()).await.unwrap()
}

async fn stored(engine: &Engine, peid: ExecutionId) -> ExecutionDocument {
    engine.flush().await.unwrap();
    engine.reader().execution(&tenant("acme"), peid).await.unwrap().unwrap().execution.as_ref().clone()
}

/// What it ended as stays, and nothing of it is run again.
async fn over(lab: &Harness, engine: Engine, peid: ExecutionId, status: ExecutionStatus) {
    let ended = stored(&engine, peid).await;
    assert_eq!(ended.state.execution_status, status);
    assert_eq!(soon(engine.shutdown(PATIENCE)).await, Shutdown::Stored);
    drop(engine);
    let (calls, before) = (lab.tool.calls().len(), epoch(lab.path()));
    let engine = lab.start().await;
    assert_eq!(engine.recovered().resumed, 0);
    assert_eq!((stored(&engine, peid).await, lab.tool.calls().len()), (ended, calls));
    assert!(epoch(lab.path()) > before);
    assert_eq!(soon(engine.shutdown(PATIENCE)).await, Shutdown::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_that_goes_on_beside_an_older_database_is_stored_as_ended_and_run_once_more() {
    for note_lost in [false, true] {
        let lab = Harness::default();
        closed(&lab).await;
        let old = backup(lab.path());
        for _ in 0..3 {
            closed(&lab).await;
        }
        let peid = killed(&lab).await;
        let before = epoch(lab.path());
        remove_database(lab.path());
        copy(old.path(), lab.path());
        assert!(epoch(lab.path()) + 3 < before);
        if note_lost {
            // As if it were of a version that noted none.
            let noted = fs::read_to_string(lab.path().join("store")).unwrap();
            let lines = noted.lines().filter(|line| !line.starts_with("epoch"));
            fs::write(lab.path().join("store"), lines.collect::<Vec<_>>().join("\n")).unwrap();
        }
        let engine = accepting(&lab, Loss::OfStore).await;
        assert!(epoch(lab.path()) > before, "{} after {before}", epoch(lab.path()));
        let handle = engine.take_resumed().pop().unwrap();
        assert_eq!(handle.peid(), peid);
        lab.tool.open(1);
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
        assert_eq!((lab.tool.times("gate"), lab.tool.times("once")), (2, 1));
        over(&lab, engine, peid, ExecutionStatus::Completed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_whose_database_and_playbook_are_lost_is_stored_as_failed() {
    for note_lost in [false, true] {
        let lab = Harness::default();
        for _ in 0..3 {
            closed(&lab).await;
        }
        let peid = killed(&lab).await;
        let before = epoch(lab.path());
        remove_database(lab.path());
        if note_lost {
            fs::remove_file(lab.path().join("store")).unwrap();
        }
        let engine = accepting(&lab, Loss::OfStore).await;
        assert!(epoch(lab.path()) > before, "{} after {before}", epoch(lab.path()));
        for handle in engine.take_resumed() {
            let _ = soon(handle.wait()).await;
        }
        assert_eq!((lab.tool.times("gate"), lab.tool.times("once")), (1, 0));
        over(&lab, engine, peid, ExecutionStatus::Failed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_epoch_does_not_come_again_where_journal_and_database_were_both_put_back() {
    let lab = Harness::default();
    for _ in 0..3 {
        closed(&lab).await;
    }
    let (old, before) = (backup(lab.path()), epoch(lab.path()));
    closed(&lab).await;
    remove_database(lab.path());
    copy(old.path(), lab.path());
    // The journal holds nothing: the directory's note is all that knows.
    let engine = accepting(&lab, Loss::OfStore).await;
    assert!(epoch(lab.path()) > before + 1);
    assert_eq!(soon(engine.shutdown(PATIENCE)).await, Shutdown::Stored);
}
