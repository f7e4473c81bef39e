//! Why an execution has not ended, as a running engine and the store tell it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use serde_json::json;
use updraft::{
    Applied, Asked, Clock, ContainmentQuery, ContainmentsOf, ControlKind, EndedBy, ExecutionId,
    ExecutionStatus, Explanation, Name, Overdue, OverdueCounts, OverdueQuery, OverdueRow, PauseCause, Signal,
    Timestamp, WaitKind,
};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, asked, named, playbook, soon};

#[tokio::test]
async fn each_wait_says_who_or_what_ends_it_until_when_and_a_pause_by_whom() {
    let harness = Harness::default();
    let steps = playbook(
        "steps:\n  - parallel: all\n    branches:\n      a: [{id: ask, approval: Isolate?, assignees: [ana], quorum: 1, timeout: 4h}]\n      \
         b: [{id: told, wait_for: closed, key: \"7\"}]\n      c: [{id: rest, delay: 2h}]\n",
    );
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    let told = engine.why(&tenant, peid).await.unwrap().unwrap();
    assert_eq!((told.status, &told.pause), (ExecutionStatus::Executing, &None));
    let people = EndedBy::People {
        question: "Isolate?".into(),
        assignees: vec!["ana".into()],
        groups: Vec::new(),
        quorum: 1,
        answered: Vec::new(),
    };
    let signal = EndedBy::Signal { name: "closed".into(), key: Some("7".into()) };
    let ended_by: Vec<&EndedBy> = told.waits.iter().map(|wait| &wait.ended_by).collect();
    assert_eq!(ended_by, [&people, &signal, &EndedBy::Instant]);
    let hours = |wait: &updraft::ExplainedWait| wait.until.unwrap().since(wait.since) / 3_600_000;
    assert_eq!(told.waits.iter().map(hours).collect::<Vec<_>>(), [4, 24, 2]);

    let asked = Asked { uid: "ben".into(), reason: "a drill".into() };
    let _ = engine.pause(&tenant, peid, asked.clone()).await.unwrap();
    engine.flush().await.unwrap();
    let stored = engine.reader().execution(&tenant, peid).await.unwrap().unwrap();
    let told = engine.why(&tenant, peid).await.unwrap().unwrap();
    assert_eq!(Explanation::of(&stored, told.waits[0].since), told, "the store says the same");
    assert_eq!(
        (told.status, told.pause.as_ref().unwrap().cause.asked()),
        (ExecutionStatus::Paused, Some(&asked))
    );
    let _ = engine.cancel(&tenant, peid, asked.clone()).await.unwrap();
    let told = engine.why(&tenant, peid).await.unwrap().unwrap();
    assert_eq!((told.status, told.waits.len()), (ExecutionStatus::Cancelled, 0));
    let history = told.controls.unwrap();
    let controls: Vec<_> = history.newest.iter().map(|record| (record.kind, &record.asked)).collect();
    assert_eq!(controls, [(ControlKind::Pause, &asked), (ControlKind::Cancel, &asked)]);
    assert!(engine.why(&updraft_tests::tenant("another"), peid).await.unwrap().is_none());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_step_that_pauses_in_place_of_failing_says_so_and_begins_again_when_it_is_mended() {
    let harness = Harness::default();
    let steps = playbook(
        "steps:\n  - {id: block, action: tool.flaky, arguments: {failures: 3}, on_last_failure: pause,\n     \
         retry: {attempts: 2, initial: 1ms}}\n  - {id: after, action: tool.echo}\n",
    );
    let first = harness.start().await;
    let handle = harness.submit(&first, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    let why = async |engine: &updraft::Engine| engine.why(&tenant, peid).await.unwrap().unwrap();
    let paused = async |engine: &updraft::Engine| {
        until(async || why(engine).await.status == ExecutionStatus::Paused).await;
        why(engine).await
    };
    let told = paused(&first).await;
    let _ = first.shutdown(TEST_TIMEOUT).await;
    let second = harness.start().await;
    let again = paused(&second).await;
    assert_eq!(again, told, "a restart changes nothing of it");
    let PauseCause::LastFailure { step, message, .. } = &told.pause.as_ref().unwrap().cause else {
        panic!("{told:?}");
    };
    assert_eq!((step.as_str(), &**message), ("block", "not yet"));
    let ended_by = EndedBy::LastFailure { attempt: 2, failure: "not yet".into() };
    assert_eq!((told.waits.len(), &told.waits[0].ended_by), (1, &ended_by));
    let week = told.waits[0].until.unwrap().since(told.waits[0].since) / 86_400_000;
    assert_eq!((week, harness.tool.times("after")), (7, 0));

    let asked = Asked { uid: "ana".into(), reason: "the token is renewed".into() };
    assert_eq!(second.resume(&tenant, peid, asked).await.unwrap(), Applied::Resumed);
    let handle = second.handle(&tenant, peid).await.unwrap().unwrap();
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    assert_eq!((harness.tool.times("block"), harness.tool.times("after")), (4, 1));
    let _ = second.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn an_operator_sees_of_all_tenants_what_takes_long() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let text = "steps:\n  - parallel: all\n    branches:\n      a: [{id: ask, approval: Isolate?}]\n      \
                b: [{id: try, action: tool.flaky, arguments: {failures: 9}, retry: {attempts: 9, initial: 1h, max: 1h}}]\n";
    let handle = harness.submit(&engine, &playbook(text), json!({})).await;
    let quick = named("quick", "steps:\n  - {id: told, wait_for: closed}\n");
    let mut waiting = Vec::new();
    for _ in 0..21 {
        waiting.push(harness.submit(&engine, &quick, json!({})).await);
    }
    let last = waiting.pop().unwrap();
    for handle in waiting {
        let signal = Signal {
            id: "1".into(),
            name: Name::new("closed").unwrap(),
            key: None,
            payload: json!(1).into(),
        };
        let _ = engine.signal(handle.tenant(), handle.peid(), signal, asked()).await.unwrap();
        let _ = soon(handle.wait()).await.unwrap();
    }
    let look = async |of| {
        engine.flush().await.unwrap();
        engine.overdue(OverdueQuery { of, after: None, limit: 10 }).await.unwrap().rows
    };
    let found = |rows: &[OverdueRow]| -> Vec<ExecutionId> {
        let peid = |row: &OverdueRow| match row {
            OverdueRow::Task { peid, .. } | OverdueRow::Execution { peid, .. } => *peid,
        };
        rows.iter().map(peid).collect()
    };
    let later = Timestamp(harness.clock.now().0 + 3_600_000);
    let waits = look(Overdue::Waits { kind: WaitKind::Approval, before: later }).await;
    assert_eq!(found(&waits), [handle.peid()]);
    let OverdueRow::Task { wait, tenant, .. } = &waits[0] else { panic!("{waits:?}") };
    assert!(matches!(wait.ended_by, EndedBy::People { .. }) && tenant == handle.tenant());
    assert!(look(Overdue::Waits { kind: WaitKind::Approval, before: Timestamp(0) }).await.is_empty());
    assert_eq!(found(&look(Overdue::Retries { at_least: 1 }).await), [handle.peid()]);
    assert!(look(Overdue::Retries { at_least: 2 }).await.is_empty());
    let slow = look(Overdue::Slow { now: Timestamp(harness.clock.now().0 + 86_400_000) }).await;
    assert_eq!(found(&slow), [last.peid()], "of the other playbook nothing has ended");
    assert!(matches!(&slow[0], OverdueRow::Execution { playbook, .. } if playbook.as_str() == "quick"));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_call_without_news_and_a_containment_whose_tool_is_down_are_counted() {
    let harness = Harness::default();
    let engine = harness.builder().watch_every(Duration::from_millis(5)).start().await.unwrap();
    let hangs = playbook("steps:\n  - {id: hang, action: tool.hang, timeout: 9h}\n");
    let contains = named(
        "contain",
        "steps:\n  - {id: isolate, action: tool.echo, expires: 1h, target: h1, undo: {action: tool.fail, \
         arguments: {kind: unreachable}, retry: {attempts: 1}}}\n",
    );
    let hangs = harness.submit(&engine, &hangs, json!({})).await;
    let contains = harness.submit(&engine, &contains, json!({})).await;
    let _ = soon(contains.wait()).await.unwrap();
    let becomes = async |wanted: OverdueCounts| until(async || engine.overdue_counts() == wanted).await;
    engine.flush().await.unwrap();
    let tenant = hangs.tenant();
    let of = ContainmentsOf::Open;
    let open = ContainmentQuery { tenant: tenant.clone(), of, after: None, limit: 1 };
    let failures = async || {
        let listed = engine.containments().list(open.clone()).await.unwrap().0;
        listed.first().map(|containment| containment.details.failures)
    };
    until(async || failures().await == Some(0)).await;
    harness.clock.advance(Duration::from_secs(3_600));
    until(async || failures().await == Some(1)).await;
    assert_eq!(engine.overdue_counts(), OverdueCounts::default(), "nothing is late yet");
    harness.clock.advance(Duration::from_secs(600));
    becomes(OverdueCounts { waits: 0, executions: 1, containments: 1 }).await;
    let asked = Asked { uid: "ana".into(), reason: "it hangs".into() };
    let _ = engine.cancel(tenant, hangs.peid(), asked).await.unwrap();
    becomes(OverdueCounts { waits: 0, executions: 0, containments: 1 }).await;
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    assert_eq!(engine.overdue_counts(), OverdueCounts::default());
}
