//! Updates that the store will never take: kept as dead letters, and each fails its execution with the reason,
//! wherever that is at the moment. The refusals are the database's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use rusqlite::Connection;
use serde_json::json;
use updraft::{
    DeadLetter, Detail, Engine, ExecutionDocument, ExecutionQuery, ExecutionStatus, ExecutionsOf,
    FailureKind, Handle, Playbook, Resume, Shutdown, Submission, TaskStatus, TenantCode,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, playbook, soon, tenant, until};

const REASON: &str = "the database never takes this";

/// A step that waits for the gate, and what follows it.
fn gated(next: &str) -> Playbook {
    playbook(&format!(
        "steps:
  - {{id: gate, action: tool.gate}}
  - {{id: next, {next}}}
"
    ))
}

/// From now on the database refuses to have a task of the step `gate` completed: a change without its head.
fn refuse_gate(data: &Path) {
    let sql = format!(
        "CREATE TRIGGER no_update BEFORE UPDATE ON task_execution_collection
         WHEN new.step_id = 'gate' AND new.status = 'completed' BEGIN SELECT raise(ABORT, '{REASON}'); END;
         CREATE TRIGGER no_insert BEFORE INSERT ON task_execution_collection
         WHEN new.step_id = 'gate' AND new.status = 'completed' BEGIN SELECT raise(ABORT, '{REASON}'); END;"
    );
    beside(data).execute_batch(&sql).unwrap();
}

fn beside(data: &Path) -> Connection {
    let connection = Connection::open(data.join("updraft.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
}

fn assert_failed(document: &ExecutionDocument) {
    assert_eq!(document.state.execution_status, ExecutionStatus::Failed);
    let error = document.state.error.as_ref().unwrap();
    assert_eq!((error.kind, error.message.as_str()), (FailureKind::Store, REASON));
}

/// The one dead letter that there is, as its tenant and the operator see it.
async fn assert_dead_letter(engine: &Engine, handle: &Handle) -> DeadLetter {
    let acme = tenant("acme");
    for owner in [None, Some(&acme)] {
        let letters = engine.reader().dead_letters(owner, None, 9).await.unwrap();
        assert_eq!(letters.len(), 1, "{letters:?}");
        let letter = &letters[0];
        assert_eq!((letter.peid, letter.reason.as_str()), (handle.peid(), REASON));
        assert_eq!(letter.tenant_code, Some(tenant("acme")), "found through the execution");
        let update = letter.update.as_ref().unwrap().value();
        assert_eq!(update["Task"]["state"]["status"], "completed");
    }
    let other: TenantCode = tenant("umbrella");
    assert_eq!(engine.reader().dead_letters(Some(&other), None, 9).await.unwrap(), []);
    let mut streamed: Vec<_> = engine.reader().dead_letters_stream(None).collect().await;
    assert_eq!(streamed.len(), 1);
    streamed.remove(0).unwrap()
}

/// What was refused does not tell its tenant, nor in its head its execution.
fn assert_headless(letter: &DeadLetter) {
    assert_eq!(letter.update.as_ref().unwrap().value()["Task"]["head"], json!(null));
}

/// An execution whose gate is recorded in the store as being asked, and will never be as done.
async fn at_the_gate(harness: &Harness, engine: &Engine, playbook: &Playbook) -> Handle {
    let handle = harness.submit(engine, playbook, json!({})).await;
    harness.tool.begun(1).await;
    engine.flush().await.unwrap();
    refuse_gate(harness.path());
    handle
}

#[tokio::test]
async fn poison_of_a_task_fails_its_execution_while_that_runs() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let playbook = gated("action: tool.hang");
    let handle = at_the_gate(&harness, &engine, &playbook).await;
    harness.tool.open(1);
    let ended = soon(handle.wait()).await.unwrap();
    assert_failed(&ended);
    engine.flush().await.unwrap();
    let stored = engine.reader().execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    assert_eq!(*stored.execution, ended);
    assert_eq!(stored.tasks[0].state.status, TaskStatus::Executing, "the store has what it took");
    assert_headless(&assert_dead_letter(&engine, &handle).await);
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
}

#[tokio::test]
async fn poison_of_a_task_fails_its_execution_while_that_is_parked() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = at_the_gate(&harness, &engine, &gated("delay: 1h")).await;
    harness.tool.open(1);
    assert_failed(&soon(handle.wait()).await.unwrap());
    assert_headless(&assert_dead_letter(&engine, &handle).await);
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
}

#[tokio::test]
async fn others_go_on_beside_poison() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = at_the_gate(&harness, &engine, &gated("action: tool.hang")).await;
    harness.tool.open(1);
    let other = playbook("steps:\n  - {id: echo, action: tool.echo}\n");
    let pid = engine.playbooks().put(&tenant("umbrella"), other).await.unwrap();
    for _ in 0..20 {
        let submission = updraft::Submission::new(tenant("umbrella"), pid);
        let ended = soon(engine.submit(submission).await.unwrap().wait()).await.unwrap();
        assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    }
    assert_failed(&soon(handle.wait()).await.unwrap());
    engine.flush().await.unwrap();
    let of = ExecutionsOf::Status(ExecutionStatus::Completed);
    let query =
        ExecutionQuery { tenant: tenant("umbrella"), of, after: None, limit: 50, detail: Detail::Summary };
    assert_eq!(engine.reader().executions(query).await.unwrap().0.len(), 20);
}

/// Leaves the end of the gate in the journal, where the next start finds that the store will never take it.
async fn left_in_the_journal(harness: &Harness, playbook: &Playbook) -> Handle {
    let engine = harness.start().await;
    let handle = harness.submit(&engine, playbook, json!({})).await;
    harness.tool.begun(1).await;
    engine.flush().await.unwrap();
    // Another program has the database: nothing more is stored in this run.
    let other = beside(harness.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    harness.tool.open(1);
    harness.tool.begun(2).await;
    assert_eq!(engine.shutdown(Duration::from_millis(100)).await, Shutdown::Journaled);
    drop(engine);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    refuse_gate(harness.path());
    handle
}

#[tokio::test]
async fn poison_that_a_start_finds_in_the_journal_fails_its_execution_before_it_goes_on() {
    let playbook = gated("action: tool.hang, at_most_once: true");
    for resume in [Resume::All, Resume::Nothing] {
        let harness = Harness::default();
        let handle = left_in_the_journal(&harness, &playbook).await;
        let mut next = None;
        until(async || {
            next = harness.builder().resume(resume).start().await.ok();
            next.is_some()
        })
        .await;
        let engine = next.unwrap();
        assert_eq!(engine.recovered().resumed, 0, "it is not resumed");
        let stored = engine.reader().execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
        assert_failed(&stored.execution);
        assert!(stored.tasks.iter().all(|task| task.state.status.ended()), "{:?}", stored.tasks);
        assert_dead_letter(&engine, &handle).await;
        assert_eq!(harness.tool.calls().len(), 2, "nothing was called again");
        assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
    }
}

/// Another process is not seen by the reservation of keys: what it stores meanwhile is met by the write.
#[tokio::test]
async fn an_execution_whose_key_another_took_meanwhile_fails_with_that_ones_id() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let playbook = gated("action: tool.echo");
    let pid = harness.put(&engine, &playbook).await;
    let first = harness.submit(&engine, &playbook, json!({})).await;
    harness.tool.begun(1).await;
    engine.flush().await.unwrap();
    let other = beside(harness.path());
    let sql = "BEGIN IMMEDIATE; UPDATE playbook_execution_collection SET idempotency_key = 'late'";
    other.execute_batch(sql).unwrap();
    let submission = Submission::new(tenant("acme"), pid).idempotency_key("late");
    let second = engine.submit(submission).await.unwrap();
    assert_ne!(second.peid(), first.peid());
    other.execute_batch("COMMIT").unwrap();
    let ended = soon(second.wait()).await.unwrap();
    let error = ended.state.error.unwrap();
    assert!(
        error.kind == FailureKind::Store && error.message.contains(&first.peid().to_string()),
        "{error:?}"
    );
    engine.flush().await.unwrap();
    let letters = engine.reader().dead_letters(Some(&tenant("acme")), None, 9).await.unwrap();
    assert!(letters.iter().all(|letter| letter.peid == second.peid()) && !letters.is_empty(), "{letters:?}");
    assert_eq!(letters[0].reason, error.message);
    harness.tool.open(2);
    assert_eq!(soon(first.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
}
