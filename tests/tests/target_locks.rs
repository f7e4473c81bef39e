//! Locks of targets: two steps of a tenant, of whatever executions, do not act on one target at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{CancelVerdict, Engine, ExecutionStatus, Handle, Json, Submission, TaskStatus};
use updraft_tests::{Harness, asked, completed, locks, named, soon, tenant, until};

const STEP: &str = "steps:\n  - {id: act, action: tool.gate, lock: {target: \"{{ input.host }}\"}}\n";

async fn submit(engine: &Engine, code: &str, steps: &str, host: &str) -> Handle {
    let acme = tenant(code);
    let name = format!("p{}", steps.len());
    let pid = engine.playbooks().put(&acme, named(&name, steps)).await.unwrap();
    let input = Json::from(json!({"host": host})).tree().unwrap();
    engine.submit(Submission::new(acme, pid).input(input)).await.unwrap()
}

#[tokio::test]
async fn one_step_at_a_time_acts_on_a_target_in_the_order_in_which_they_came() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let mut handles = Vec::new();
    for (at, host) in ["dc01.corp.example", "DC01.corp.example.", "dc01.corp.example"].into_iter().enumerate()
    {
        handles.push(submit(&engine, "acme", STEP, host).await);
        locks(&engine, (1, at)).await;
    }
    let others = [
        submit(&engine, "acme", STEP, "ws-1").await,
        submit(&engine, "globex", STEP, "dc01.corp.example").await,
    ];
    harness.tool.begun(3).await;
    locks(&engine, (3, 2)).await;
    harness.tool.open(10);
    for handle in handles.iter().chain(&others) {
        completed(handle).await;
    }
    let order: Vec<_> = harness.tool.calls().iter().map(|call| call.peid).collect();
    let ours: Vec<_> =
        order.into_iter().filter(|peid| handles.iter().any(|handle| handle.peid() == *peid)).collect();
    assert_eq!(ours, handles.iter().map(Handle::peid).collect::<Vec<_>>());
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn a_cancel_in_line_holds_up_nobody_and_nothing_was_attempted() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let first = submit(&engine, "acme", STEP, "h").await;
    harness.tool.begun(1).await;
    let second = submit(&engine, "acme", STEP, "h").await;
    locks(&engine, (1, 1)).await;
    let third = submit(&engine, "acme", STEP, "h").await;
    locks(&engine, (1, 2)).await;
    assert_eq!(
        engine.cancel(&tenant("acme"), second.peid(), asked()).await.unwrap(),
        Some(CancelVerdict::Cancelled)
    );
    let tasks = soon(second.inspect()).await.unwrap().tasks;
    assert!(tasks.iter().all(|task| task.state.attempt == 0), "{tasks:?}");
    harness.tool.open(10);
    completed(&first).await;
    completed(&third).await;
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn who_waits_too_long_fails_and_has_not_called() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let first = submit(&engine, "acme", STEP, "h").await;
    harness.tool.begun(1).await;
    let hasty = STEP.replace("\"}}\n", "\", wait: 50ms}}\n");
    let second = submit(&engine, "acme", &hasty, "h").await;
    assert_eq!(soon(second.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    let task = soon(second.inspect()).await.unwrap().tasks.remove(0);
    assert_eq!(task.state.status, TaskStatus::Failed);
    assert_eq!(task.state.error.unwrap().message, "others acted on h for 50ms");
    assert_eq!(harness.tool.calls().len(), 1);
    harness.tool.open(1);
    completed(&first).await;
}

#[tokio::test]
async fn a_lock_is_kept_between_attempts_and_taken_again_after_a_crash() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let retries = "steps:\n  - id: act\n    action: tool.fail\n    arguments: {kind: unreachable}\n    retry: {attempts: 3, initial: 1h, max: 1h}\n    lock: {target: \"{{ input.host }}\"}\n";
    let first = submit(&engine, "acme", retries, "h").await;
    harness.tool.begun(1).await;
    let acme = tenant("acme");
    until(async || {
        let found = engine.execution(&acme, first.peid()).await.unwrap();
        found.is_some_and(|found| found.tasks.iter().any(|task| task.state.status == TaskStatus::Retrying))
    })
    .await;
    let second = submit(&engine, "acme", STEP, "h").await;
    locks(&engine, (1, 1)).await;
    assert_eq!(harness.tool.calls().len(), 1, "an hour's pause between two attempts is no gap");
    drop((engine, second));
    let engine = harness.start().await;
    harness.tool.open(10);
    until(async || harness.tool.calls().len() == 2).await;
    let third = submit(&engine, "acme", STEP, "h").await;
    completed(&third).await;
}
