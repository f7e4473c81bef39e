//! What a start leaves: executions that nobody runs, until one is taken up or cancelled.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use updraft::{
    CancelVerdict, Engine, ExecutionId, ExecutionStatus, Lost, Playbook, ReadError, Resume, Shutdown,
    StartError, TaskStatus,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, named, playbook, soon, tenant, until};

fn calls() -> Playbook {
    playbook(
        "steps:
  - id: all
    parallel: all
    branches:
      first: [{id: first, action: tool.gate}, {id: second, action: tool.echo}]
      once: [{id: once, action: tool.gate, at_most_once: true, on_unknown: [{id: end, end: null}]}]
",
    )
}

/// Leaves so many executions, each with two calls under way.
async fn leave(harness: &Harness, count: usize) -> Vec<ExecutionId> {
    let engine = harness.start().await;
    let mut left = Vec::new();
    for _ in 0..count {
        left.push(harness.submit(&engine, &calls(), json!({})).await.peid());
    }
    harness.tool.begun(2 * count).await;
    let _ = engine.shutdown(Duration::ZERO).await;
    left
}

async fn start_leaving(harness: &Harness) -> Engine {
    harness.builder().resume(Resume::Nothing).start().await.unwrap()
}

#[tokio::test]
async fn what_a_start_leaves_is_counted_and_one_of_it_is_taken_up() {
    let harness = Harness::default();
    let left = leave(&harness, 3).await;
    let engine = start_leaving(&harness).await;
    assert_eq!((engine.unresumed(100).await.unwrap(), engine.unresumed(2).await.unwrap()), (3, 2));
    assert!(engine.take_up(&tenant("umbrella"), left[0]).await.unwrap().is_none(), "it is another's");
    let acme = tenant("acme");
    let (one, same) = tokio::join!(engine.take_up(&acme, left[0]), engine.take_up(&acme, left[0]));
    let (one, same) = (one.unwrap().unwrap(), same.unwrap().unwrap());
    assert_eq!(engine.unresumed(100).await.unwrap(), 2);
    harness.tool.open(1);
    let finished = harness.end(&engine, &one, &calls()).await;
    assert_eq!(
        (finished.status(), finished.status_of("once")),
        (ExecutionStatus::Completed, TaskStatus::Unknown)
    );
    assert_eq!(soon(same.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    let again = engine.take_up(&tenant("acme"), left[0]).await.unwrap().unwrap();
    assert_eq!(again.status().await.unwrap(), ExecutionStatus::Completed, "what has ended stays as it is");
    assert_eq!(harness.tool.times("first"), 4, "the other two were called by the first engine alone");
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
    let late = engine.take_up(&tenant("acme"), left[1]).await;
    assert!(matches!(late, Err(StartError::Lost(Lost::ShutDown))), "{late:?}");
}

#[tokio::test]
async fn a_shutdown_waits_for_nobody_who_takes_up_while_a_tool_blocks_the_shard() {
    let harness = Harness::default();
    let left = leave(&harness, 1).await;
    let engine = harness.builder().shards(1).resume(Resume::Nothing).start().await.unwrap();
    let (unblock, blocked) = std::sync::mpsc::sync_channel::<()>(1);
    let (blocked, blocks) = (Mutex::new(blocked), Arc::new(Notify::new()));
    let told = blocks.clone();
    harness.tool.before_end(move |_| {
        told.notify_one();
        let _ = blocked.lock().unwrap().recv();
    });
    let echo = named("echo", "steps:\n  - {id: echo, action: tool.echo}\n");
    harness.submit(&engine, &echo, json!({})).await;
    soon(blocks.notified()).await;
    let acme = tenant("acme");
    let closing = async {
        until(async || engine.unresumed(9).await.unwrap() == 0).await;
        engine.shutdown(Duration::ZERO).await
    };
    let (taken, _) = soon(async { tokio::join!(engine.take_up(&acme, left[0]), closing) }).await;
    let ended = soon(taken.unwrap().unwrap().wait()).await;
    assert!(matches!(ended, Err(ReadError::Lost(Lost::ShutDown))), "{ended:?}");
    drop(unblock);
}

#[tokio::test]
async fn what_a_start_left_is_cancelled_durably_and_nothing_of_it_is_run() {
    let harness = Harness::default();
    let left = leave(&harness, 2).await;
    let engine = start_leaving(&harness).await;
    let cancel = async |peid| engine.cancel(&tenant("acme"), peid, asked()).await.unwrap();
    assert_eq!(engine.cancel(&tenant("umbrella"), left[0], asked()).await.unwrap(), None, "it is another's");
    let (one, same) = tokio::join!(cancel(left[0]), cancel(left[0]));
    assert_eq!(one, Some(CancelVerdict::Cancelled));
    assert_eq!(same, Some(CancelVerdict::AlreadyEnded(ExecutionStatus::Cancelled)));
    assert_eq!(harness.tool.calls().len(), 4, "nothing was called again");
    let _ = engine.shutdown(Duration::ZERO).await;

    harness.tool.open(1);
    let engine = harness.start().await;
    assert_eq!(engine.recovered().resumed, 1, "the other goes on");
    let ended = engine.execution(&tenant("acme"), left[0]).await.unwrap().unwrap();
    assert_eq!(ended.execution.state.execution_status, ExecutionStatus::Cancelled);
    let status =
        |step: &str| ended.tasks.iter().find(|task| task.head.step_id.as_str() == step).unwrap().state.status;
    assert_eq!(status("once"), TaskStatus::Unknown, "its tool may have acted");
    assert!(ended.tasks.iter().all(|task| task.state.status.ended()), "{:?}", ended.tasks);
    soon(engine.take_resumed()[0].wait()).await.unwrap();
}

#[tokio::test]
async fn one_that_runs_is_cancelled_as_its_handle_would() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &calls(), json!({})).await;
    harness.tool.begun(2).await;
    let verdict = engine.cancel(&tenant("acme"), handle.peid(), asked()).await.unwrap();
    assert_eq!(verdict, Some(CancelVerdict::Cancelled));
    assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Cancelled);
    harness.tool.dropped(2).await;
}
