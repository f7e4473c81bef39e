//! Bulk work through a whole engine: what is counted, what is done with it, and that the same request goes on where it was.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use serde_json::json;
use updraft::local::{self, Client};
use updraft::{
    Asked, BulkError, CancelVerdict, ContainmentQuery, ContainmentStatus, ContainmentsOf, Engine,
    ExecutionFilter, ExecutionId, ExecutionStatus, Rerun, RerunError, TenantCode,
};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, asked, named, soon, tenant};

fn acme() -> ExecutionFilter {
    ExecutionFilter::new(tenant("acme"))
}

const FAILS: &str =
    "steps:\n  - {id: a, action: tool.echo}\n  - {id: b, action: tool.fail, arguments: {kind: forbidden}}\n";

/// Executions that have failed.
async fn failed(harness: &Harness, engine: &Engine, name: &str, count: usize) -> Vec<ExecutionId> {
    let mut peids = Vec::new();
    for _ in 0..count {
        let handle = harness.submit(engine, &named(name, FAILS), json!(null)).await;
        soon(handle.wait()).await.unwrap();
        peids.push(handle.peid());
    }
    peids
}

/// Runs again what a filter finds, at most so many of them: how many were counted, and which began.
async fn rerun(
    engine: &Engine,
    filter: ExecutionFilter,
    id: &str,
    most: usize,
) -> (usize, Vec<(ExecutionId, ExecutionId)>) {
    let counted = engine.count_reruns(filter, Rerun::new(asked()).id(id)).await.unwrap();
    let count = counted.count();
    let (mut bulk, mut begun) = (engine.rerun_all(counted), Vec::new());
    while begun.len() < most
        && let Some((peid, rerun)) = soon(bulk.next()).await
    {
        let rerun = rerun.unwrap();
        soon(rerun.wait()).await.unwrap();
        begun.push((peid, rerun.peid()));
    }
    assert_eq!(bulk.left(), count - begun.len());
    (count, begun)
}

async fn rerun_of(engine: &Engine, tenant: &TenantCode, peid: ExecutionId) -> ExecutionId {
    engine.execution(tenant, peid).await.unwrap().unwrap().execution.head.rerun_of.clone().unwrap().peid
}

#[tokio::test]
async fn what_failed_runs_again_once_and_the_same_request_goes_on_where_it_was() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let first = failed(&harness, &engine, "one", 3).await;
    let other = failed(&harness, &engine, "two", 1).await;
    let of_one = || acme().playbook("one".parse().unwrap());
    let (count, begun) = rerun(&engine, of_one(), "monday", 2).await;
    let peids: Vec<ExecutionId> = begun.iter().map(|(peid, _)| *peid).collect();
    assert_eq!((count, &peids[..]), (3, &first[..2]), "the oldest first");
    for (peid, rerun) in &begun {
        assert_eq!(rerun_of(&engine, &tenant("acme"), *rerun).await, *peid);
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let (count, begun) = rerun(&engine, of_one(), "monday", 9).await;
    assert_eq!((count, begun[0].0), (1, first[2]), "its own reruns have failed again, and are not run again");
    assert_eq!(rerun(&engine, of_one(), "monday", 9).await, (0, Vec::new()));
    let failed = of_one().status(ExecutionStatus::Failed);
    assert_eq!(rerun(&engine, failed, "tuesday", 9).await.0, 3, "another request runs the reruns again");
    let (count, begun) = rerun(&engine, acme().status(ExecutionStatus::Failed), "monday", 9).await;
    assert_eq!((count, begun[0].0), (4, other[0]));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_was_run_again_between_count_and_work_is_left_as_it_is() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let first = failed(&harness, &engine, "one", 1).await;
    let counted = engine.count_reruns(acme(), Rerun::new(asked()).id("1")).await.unwrap();
    let by_hand = engine.rerun(&tenant("acme"), first[0], Rerun::new(asked())).await.unwrap();
    soon(by_hand.wait()).await.unwrap();
    let mut bulk = engine.rerun_all(counted.clone());
    let (peid, told) = bulk.next().await.unwrap();
    assert_eq!(peid, first[0]);
    assert!(matches!(told, Err(RerunError::AlreadyRerun(peid)) if peid == by_hand.peid()));
    assert!(bulk.next().await.is_none());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn reruns_wait_for_a_place_and_what_cannot_be_counted_is_refused() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(2).start().await.unwrap();
    failed(&harness, &engine, "one", 5).await;
    let counted = engine.count_reruns(acme(), Rerun::new(asked()).id("1")).await.unwrap();
    let (mut bulk, mut begun) = (engine.rerun_all(counted), Vec::new());
    while let Some((_, rerun)) = soon(bulk.next()).await {
        begun.push(rerun.unwrap());
    }
    assert_eq!(begun.len(), 5);
    for rerun in begun {
        assert_eq!(soon(rerun.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    }
    let count = async |filter: ExecutionFilter, rerun: Rerun| engine.count_reruns(filter, rerun).await.err();
    let running = count(acme().status(ExecutionStatus::Executing), Rerun::new(asked()).id("1")).await;
    assert!(matches!(running, Some(BulkError::Status(ExecutionStatus::Executing))), "{running:?}");
    assert!(matches!(count(acme(), Rerun::new(asked())).await, Some(BulkError::NoId)));
    let completed = count(acme().status(ExecutionStatus::Completed), Rerun::new(asked()).id("1")).await;
    assert!(matches!(completed, Some(BulkError::NothingFailed)), "{completed:?}");
    let nobody = Asked { uid: "".into(), reason: "".into() };
    assert!(matches!(count(acme(), Rerun::new(nobody).id("1")).await, Some(BulkError::Asker(_))));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_runs_is_cancelled_and_nothing_else() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let waits = named("waits", "steps:\n  - {wait_for: opened}\n");
    let first = harness.submit(&engine, &waits, json!(null)).await;
    let other =
        harness.submit(&engine, &named("others", "steps:\n  - {wait_for: opened}\n"), json!(null)).await;
    let filter = acme().playbook("waits".parse().unwrap());
    let counted = engine.count_cancels(filter.clone(), asked()).await.unwrap();
    assert_eq!(counted.count(), 1);
    let mut bulk = engine.cancel_all(counted);
    let (peid, told) = bulk.next().await.unwrap();
    assert_eq!((peid, told.unwrap()), (first.peid(), CancelVerdict::Cancelled));
    assert!(bulk.next().await.is_none());
    assert_eq!(soon(first.wait()).await.unwrap().state.execution_status, ExecutionStatus::Cancelled);
    assert_eq!(engine.count_cancels(filter.clone(), asked()).await.unwrap().count(), 0);
    let ended = engine.count_cancels(filter.status(ExecutionStatus::Failed), asked()).await;
    assert!(matches!(ended, Err(BulkError::Status(ExecutionStatus::Failed))));
    assert!(!other.inspect().await.unwrap().execution.state.execution_status.ended());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_is_run_for_something_else_is_left_to_that() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let contains = "steps:
  - id: isolate
    action: tool.echo
    expires: 4h
    target: ws-17
    undo: {action: tool.fail, arguments: {kind: forbidden}}
  - {id: fails, action: tool.fail, arguments: {kind: forbidden}}
";
    harness.put(&engine, &named("contain", contains)).await;
    let parent = named("parent", "steps:\n  - {id: sub, playbook: contain}\n");
    let first = harness.submit(&engine, &parent, json!(null)).await;
    soon(first.wait()).await.unwrap();
    let of = ContainmentsOf::Target("ws-17".into());
    let query = ContainmentQuery { tenant: tenant("acme"), of, after: None, limit: 10 };
    let listed = async || engine.containments().list(query.clone()).await.unwrap().0.pop();
    until(async || listed().await.is_some()).await;
    let id = listed().await.unwrap().id;
    engine.containments().undo(&tenant("acme"), id, ("ana", "a false alarm")).await.unwrap();
    until(async || listed().await.is_some_and(|found| found.status == ContainmentStatus::UndoFailed)).await;
    let counted = engine.count_reruns(acme(), Rerun::new(asked()).id("1")).await.unwrap();
    assert_eq!(counted.count(), 1, "neither the sub-playbook nor the undo");
    let (peid, told) = engine.rerun_all(counted).next().await.unwrap();
    assert_eq!((peid, soon(told.unwrap().wait()).await.is_ok()), (first.peid(), true));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_was_submitted_in_a_time_is_found_and_nothing_before_or_after_it() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let peids = failed(&harness, &engine, "one", 4).await;
    let mut dates = Vec::new();
    for peid in &peids {
        let found = engine.execution(&tenant("acme"), *peid).await.unwrap().unwrap();
        dates.push(found.execution.head.createddate);
    }
    let count = async |filter: ExecutionFilter| {
        engine.count_reruns(filter, Rerun::new(asked()).id("1")).await.unwrap().count()
    };
    for date in dates.iter().copied() {
        let (before, after) = (dates.iter().filter(|other| **other < date), dates.iter());
        let after = after.filter(|other| **other >= date);
        assert_eq!(count(acme().until(date)).await, before.count(), "{date} of {dates:?}");
        assert_eq!(count(acme().since(date)).await, after.count(), "{date} of {dates:?}");
    }
    assert_eq!(count(acme().since(dates[1]).until(dates[1])).await, 0);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[cfg(unix)]
#[tokio::test]
async fn another_process_has_the_engine_count_and_do_the_work_and_waits_for_a_place() {
    let harness = Harness::default();
    let short = Duration::from_millis(200);
    let engine = harness.builder().executions_in_flight(1).submit_timeout(short).start().await.unwrap();
    let first = failed(&harness, &engine, "one", 2).await;
    let client = Client::new(harness.path());
    let gate = named("gate", "steps:\n  - {id: gate, action: tool.gate}\n");
    let blocks = harness.submit(&engine, &gate, json!(null)).await;
    harness.tool.begun(5).await;
    let refused = client.rerun(&tenant("acme"), first[0], Rerun::new(asked())).await;
    assert!(matches!(refused, Err(local::Error::NoPlace { .. })), "{refused:?}");

    let counted = client.count_reruns(acme(), Rerun::new(asked()).id("1")).await.unwrap();
    assert_eq!(counted.count(), 2);
    let mut reruns = client.rerun_all(counted);
    let none = tokio::time::timeout(Duration::from_millis(700), reruns.next()).await;
    assert!(none.is_err() && reruns.left() == 2, "there is no place");
    let counted = client.count_cancels(acme().status(ExecutionStatus::Executing), asked()).await.unwrap();
    let mut cancels = client.cancel_all(counted);
    let (peid, cancelled) = cancels.next().await.unwrap();
    assert_eq!((peid, cancelled.unwrap()), (blocks.peid(), Some(CancelVerdict::Cancelled)));
    assert!(cancels.next().await.is_none());
    let mut begun = Vec::new();
    while let Some((peid, rerun)) = soon(reruns.next()).await {
        assert_eq!(rerun_of(&engine, &tenant("acme"), rerun.unwrap()).await, peid);
        begun.push(peid);
    }
    assert_eq!(begun, first);

    let counted = client.count_reruns(acme(), Rerun::new(asked()).id("1")).await.unwrap();
    assert_eq!(counted.count(), 1, "but for the one that was cancelled: its request goes on where it was");
    let refused =
        client.count_reruns(acme().status(ExecutionStatus::Paused), Rerun::new(asked()).id("1")).await;
    assert!(matches!(refused, Err(local::Error::Engine { retryable: false, .. })), "{refused:?}");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
