//! Signals and answers through a whole engine: an execution that has left memory comes back for one, and what is kept
//! survives the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{
    Applied, ApprovalAnswer, Asked, CancelVerdict, ControlError, ControlKind, ControlRefusal, ExecutionId,
    ExecutionStatus, Inbox, InboxQuery, Name, PauseCause, Signal, TaskStatus, Timestamp,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, playbook, soon, tenant};

fn signal(id: &str, name: &str, payload: serde_json::Value) -> Signal {
    Signal { id: id.into(), name: Name::new(name).unwrap(), key: None, payload: payload.into() }
}

#[tokio::test]
async fn what_waits_for_a_signal_leaves_memory_and_comes_back_for_it() {
    let harness = Harness::default();
    let steps = playbook("steps:\n  - {id: a, wait_for: opened}\n  - {id: b, wait_for: closed}\n");
    let first = harness.start().await;
    let handle = harness.submit(&first, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    assert_eq!(handle.inspect().await.unwrap().tasks[0].state.status, TaskStatus::Waiting);
    let kept = first.signal(&tenant, peid, signal("1", "closed", json!({"by": "ana"})), asked()).await;
    assert_eq!(kept.unwrap(), Applied::Kept);
    let refused = first.signal(&tenant, peid, signal("2", "close", json!(null)), asked()).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused(ControlRefusal::NotAwaited(_))), "{refused}");
    let _ = first.shutdown(TEST_TIMEOUT).await;

    let second = harness.start().await;
    let handle = second.handle(&tenant, peid).await.unwrap().unwrap();
    let taken = soon(second.signal(&tenant, peid, signal("3", "opened", json!(1)), asked())).await;
    assert_eq!(taken.unwrap(), Applied::Taken);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    assert_eq!(ended.state.output.unwrap(), json!({"by": "ana"}).into());
    let again = second.signal(&tenant, peid, signal("3", "opened", json!(1)), asked()).await;
    assert_eq!(again.unwrap(), Applied::Repeated, "its sender may not have heard of it");
    let late = second.signal(&tenant, peid, signal("4", "opened", json!(1)), asked()).await.unwrap_err();
    let told = ControlRefusal::Ended(ExecutionStatus::Completed);
    assert!(matches!(late, ControlError::Refused(refusal) if refusal == told));
    let _ = second.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn an_execution_is_given_signals_by_its_own_tenant_alone() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let steps = playbook("steps:\n  - {id: a, wait_for: opened}\n");
    let handle = harness.submit(&engine, &steps, json!({})).await;
    let (own, peid) = (handle.tenant().clone(), handle.peid());
    let other =
        engine.signal(&tenant("another"), peid, signal("1", "opened", json!(1)), asked()).await.unwrap_err();
    assert!(matches!(other, ControlError::NoExecution(_)), "{other}");
    let none = ExecutionId::from_bytes([7; 16]);
    let none = engine.signal(&own, none, signal("1", "opened", json!(1)), asked()).await.unwrap_err();
    assert!(matches!(none, ControlError::NoExecution(_)), "{none}");
    assert_eq!(
        engine.signal(&own, peid, signal("1", "opened", json!(1)), asked()).await.unwrap(),
        Applied::Taken
    );
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_waits_for_a_person_goes_on_after_the_first_answer_over_a_shutdown_too() {
    let harness = Harness::default();
    let steps = playbook("steps:\n  - {id: ask, approval: Isolate?, assignees: [ana, ben], quorum: 2}\n");
    let answer = |uid: &str, choice: &str| ApprovalAnswer {
        uid: uid.into(),
        groups: Vec::new(),
        choice: choice.parse().unwrap(),
        comment: Some("seen".into()),
        data: None,
    };
    let first = harness.start().await;
    let handle = harness.submit(&first, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    let task = handle.inspect().await.unwrap().tasks[0].task_request_id;
    let refused = first.answer(&tenant, peid, task, answer("eve", "approve")).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused(ControlRefusal::NotAsked(_))), "{refused}");
    let counted = first.answer(&tenant, peid, task, answer("ana", "approve")).await.unwrap();
    assert_eq!(counted, Applied::Counted { missing: 1 });
    let _ = first.shutdown(TEST_TIMEOUT).await;

    let second = harness.start().await;
    let handle = second.handle(&tenant, peid).await.unwrap().unwrap();
    let again = soon(second.answer(&tenant, peid, task, answer("ana", "approve"))).await.unwrap();
    assert_eq!(again, Applied::Repeated);
    let decided = second.answer(&tenant, peid, task, answer("ben", "approve")).await.unwrap();
    assert_eq!(decided, Applied::Decided);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    let output = ended.state.output.unwrap();
    assert_eq!(output.value()["answers"][1]["comment"].as_str(), Some("seen"));
    let again = second.answer(&tenant, peid, task, answer("ben", "approve")).await.unwrap();
    assert_eq!(again, Applied::Repeated);
    let late = second.answer(&tenant, peid, task, answer("ana", "refuse")).await.unwrap_err();
    assert!(late.to_string().contains("ben has chosen \"approve\""), "{late}");
    let _ = second.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_pause_survives_the_engine_and_ends_when_a_person_says_so() {
    let harness = Harness::default();
    let asked = || Asked { uid: "ana".into(), reason: "the ticket system is replaced".into() };
    let steps = playbook("steps:\n  - {id: a, wait_for: opened}\n  - {id: b, delay: 2h}\n");
    let first = harness.start().await;
    let handle = harness.submit(&first, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    assert_eq!(first.pause(&tenant, peid, asked()).await.unwrap(), Applied::Paused);
    assert_eq!(first.pause(&tenant, peid, asked()).await.unwrap(), Applied::Repeated);
    assert_eq!(
        first.signal(&tenant, peid, signal("1", "opened", json!(1)), asked()).await.unwrap(),
        Applied::Taken
    );
    let _ = first.shutdown(TEST_TIMEOUT).await;

    let second = harness.start().await;
    let handle = second.handle(&tenant, peid).await.unwrap().unwrap();
    let found = handle.inspect().await.unwrap();
    assert_eq!(found.execution.state.execution_status, ExecutionStatus::Paused);
    assert_eq!(found.execution.state.pause.as_ref().unwrap().cause, PauseCause::Asked(asked()));
    assert_eq!(found.tasks.len(), 1, "nothing followed the signal");
    assert_eq!(soon(second.resume(&tenant, peid, asked())).await.unwrap(), Applied::Resumed);
    let rest = handle.inspect().await.unwrap().tasks[1].task_request_id;
    assert_eq!(second.skip(&tenant, peid, rest, asked(), false).await.unwrap(), Applied::Skipped);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    let late = second.resume(&tenant, peid, asked()).await.unwrap_err();
    let told = ControlRefusal::Ended(ExecutionStatus::Completed);
    assert!(matches!(late, ControlError::Refused(refusal) if refusal == told));
    let _ = second.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn the_end_of_a_wait_is_changed_durably_and_the_inbox_and_the_document_say_so() {
    let harness = Harness::default();
    let asked = || Asked { uid: "ana".into(), reason: "she is back tomorrow".into() };
    let steps = playbook("steps:\n  - {id: ask, approval: Isolate?, timeout: 2h}\n");
    let first = harness.start().await;
    let handle = harness.submit(&first, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    let task = handle.inspect().await.unwrap().tasks[0].clone();
    let (id, before) = (task.task_request_id, task.state.wait.unwrap().until.unwrap());
    let until = before.after(std::time::Duration::from_secs(48 * 3_600));
    assert_eq!(first.extend_wait(&tenant, peid, id, until, asked()).await.unwrap(), Applied::Extended);
    assert_eq!(first.extend_wait(&tenant, peid, id, until, asked()).await.unwrap(), Applied::Repeated);
    let passed = first.extend_wait(&tenant, peid, id, Timestamp(1), asked()).await.unwrap_err();
    assert!(passed.to_string().contains("has passed, or is more than 366 days away"), "{passed}");
    let _ = first.shutdown(TEST_TIMEOUT).await;

    let second = harness.start().await;
    let handle = second.handle(&tenant, peid).await.unwrap().unwrap();
    let found = handle.inspect().await.unwrap();
    assert_eq!(found.tasks[0].state.wait.as_ref().unwrap().until, Some(until));
    second.flush().await.unwrap();
    let query = InboxQuery { tenant: tenant.clone(), of: Inbox::All, after: None, limit: 10 };
    let inbox = second.inbox(query).await.unwrap();
    assert_eq!(inbox.iter().map(|entry| entry.until).collect::<Vec<_>>(), [until]);
    let cancelled = second.cancel(&tenant, peid, asked()).await.unwrap();
    assert_eq!(cancelled, Some(CancelVerdict::Cancelled));
    let nobody = Asked { uid: "".into(), reason: "".into() };
    let refused = second.cancel(&tenant, peid, nobody).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused(ControlRefusal::NotAsker)), "{refused}");
    let late = second.extend_wait(&tenant, peid, id, until, asked()).await.unwrap_err();
    assert!(matches!(late, ControlError::Refused(ControlRefusal::Ended(_))), "{late}");
    second.flush().await.unwrap();
    let stored = second.reader().execution(&tenant, peid).await.unwrap().unwrap();
    let history = stored.execution.state.controls.clone().unwrap();
    let kinds: Vec<ControlKind> = history.newest.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [ControlKind::ExtendWait, ControlKind::Cancel]);
    assert!(history.newest.iter().all(|record| record.asked == asked()));
    let _ = second.shutdown(TEST_TIMEOUT).await;
}
