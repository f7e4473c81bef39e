//! The backlog: what finds no place is queued in the store, begins in its turn, is listed, cancelled, given another priority and
//! signals, and is there after a restart and a crash.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future;
use serde_json::json;
use updraft::{
    Applied, Builder, CancelVerdict, ControlError, ControlRefusal, Detail, Engine, ExecutionId,
    ExecutionQuery, ExecutionStatus, ExecutionsOf, Handle, Name, Playbook, PlaybookId, Priority, Refusal,
    Signal, Submission,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, completed, named, soon, tenant, until};

fn gate() -> Playbook {
    named("gate", "steps:\n  - {id: gate, action: tool.gate}\n")
}

fn of(pid: PlaybookId) -> Submission {
    Submission::new(tenant("acme"), pid)
}

fn narrow(harness: &Harness) -> Builder {
    harness.builder().executions_in_flight(1)
}

/// An engine with one place, which is taken.
async fn full(harness: &Harness) -> (Engine, PlaybookId, Handle) {
    let engine = narrow(harness).start().await.unwrap();
    let pid = harness.put(&engine, &gate()).await;
    let held = engine.submit(of(pid)).await.unwrap();
    harness.tool.begun(1).await;
    (engine, pid, held)
}

async fn listed(engine: &Engine, status: ExecutionStatus) -> Vec<ExecutionId> {
    engine.flush().await.unwrap();
    let query = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Status(status),
        after: None,
        limit: 100,
        detail: Detail::Summary,
    };
    let (page, _) = engine.reader().executions(query).await.unwrap();
    page.into_iter().map(|document| document.peid).collect()
}

/// The executions in the order in which they called the tool.
fn order(harness: &Harness) -> Vec<ExecutionId> {
    harness.tool.calls().iter().map(|call| call.peid).collect()
}

#[tokio::test]
async fn what_finds_no_place_is_queued_and_begins_in_its_turn() {
    let harness = Harness::default();
    let (engine, pid, held) = full(&harness).await;
    let mut queued = Vec::new();
    for number in 0..5 {
        harness.clock.advance(Duration::from_millis(1));
        queued.push(engine.submit(of(pid).input(json!(number))).await.unwrap());
    }
    let peids: Vec<ExecutionId> = queued.iter().map(Handle::peid).collect();
    for handle in &queued {
        assert_eq!(handle.status().await.unwrap(), ExecutionStatus::Queued);
        let inspection = handle.inspect().await.unwrap();
        assert_eq!(inspection.execution.state.execution_status, ExecutionStatus::Queued);
        assert!(inspection.tasks.is_empty() && inspection.execution.state.started_date.is_none());
    }
    let newest_first: Vec<ExecutionId> = peids.iter().rev().copied().collect();
    assert_eq!(listed(&engine, ExecutionStatus::Queued).await, newest_first);
    assert_eq!((engine.queued(), engine.queued_by_tenant()), (5, vec![(tenant("acme"), 5)]));
    assert_eq!(engine.unfinished().len(), 1, "nothing of them runs");
    assert_eq!(harness.tool.times("gate"), 1);

    harness.tool.open(6);
    completed(&held).await;
    for (number, handle) in queued.iter().enumerate() {
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
        assert_eq!(ended.head.input.value(), json!(number));
        assert!(ended.state.started_date.unwrap() >= ended.head.createddate);
    }
    assert_eq!(order(&harness)[1..], peids, "in the order in which they came");
    assert_eq!(engine.queued(), 0);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_is_urgent_begins_first_and_tenants_take_turns() {
    let harness = Harness::default();
    let (engine, pid, _held) = full(&harness).await;
    let globex = engine.playbooks().put(&tenant("globex"), gate()).await.unwrap();
    let mut submitted = Vec::new();
    for (name, submission) in [
        ("low", of(pid).priority(Priority::Low)),
        ("first", of(pid)),
        ("second", of(pid)),
        ("critical", of(pid).priority(Priority::Critical)),
        ("globex", Submission::new(tenant("globex"), globex)),
    ] {
        harness.clock.advance(Duration::from_millis(1));
        submitted.push((name, engine.submit(submission).await.unwrap()));
    }
    engine.flush().await.unwrap();
    // One place after the other becomes free.
    for begun in 2..=6 {
        harness.tool.open(1);
        harness.tool.begun(begun).await;
    }
    harness.tool.open(1);
    for (_, handle) in &submitted {
        completed(handle).await;
    }
    let name = |peid: &ExecutionId| submitted.iter().find(|(_, handle)| handle.peid() == *peid).unwrap().0;
    let order: Vec<&str> = order(&harness)[1..].iter().map(name).collect();
    let acme: Vec<&str> = order.iter().filter(|name| **name != "globex").copied().collect();
    assert_eq!(acme, ["critical", "first", "second", "low"]);
    // A turn or two may pass before the next of both tenants are read.
    assert_ne!(order.last(), Some(&"globex"), "it does not wait behind all of another tenant's: {order:?}");
}

#[tokio::test]
async fn a_queued_execution_is_cancelled_without_a_call() {
    let harness = Harness::default();
    let (engine, pid, held) = full(&harness).await;
    let first = engine.submit(of(pid)).await.unwrap();
    let second = engine.submit(of(pid)).await.unwrap();
    let waiting = tokio::spawn({
        let first = first.clone();
        async move { first.wait().await }
    });
    assert_eq!(soon(first.cancel(asked())).await.unwrap(), CancelVerdict::Cancelled);
    let ended = soon(waiting).await.unwrap().unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Cancelled);
    assert_eq!(ended.state.controls.unwrap().newest[0].asked, asked());
    assert_eq!(first.cancel(asked()).await.unwrap(), CancelVerdict::AlreadyEnded(ExecutionStatus::Cancelled));
    let peid = second.peid();
    drop(second);
    // Also one that has left memory.
    engine.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    let third = engine.submit(of(pid)).await.unwrap();
    let cancelled = soon(engine.cancel(&tenant("acme"), peid, asked())).await.unwrap();
    assert_eq!(cancelled, Some(CancelVerdict::Cancelled));
    harness.tool.open(3);
    completed(&held).await;
    completed(&third).await;
    assert_eq!(order(&harness), [held.peid(), third.peid()]);
    assert_eq!(listed(&engine, ExecutionStatus::Cancelled).await.len(), 2);
    assert_eq!(engine.queued(), 0);
}

#[tokio::test]
async fn a_queued_execution_gets_another_priority_and_is_known_by_it() {
    let harness = Harness::default();
    let (engine, pid, held) = full(&harness).await;
    let mut queued = Vec::new();
    for _ in 0..3 {
        harness.clock.advance(Duration::from_millis(1));
        queued.push(engine.submit(of(pid)).await.unwrap());
    }
    let last = &queued[2];
    assert_eq!(last.reprioritise(Priority::Critical, asked()).await.unwrap(), Applied::Reprioritised);
    assert_eq!(last.reprioritise(Priority::Critical, asked()).await.unwrap(), Applied::Repeated);
    let inspection = last.inspect().await.unwrap();
    assert_eq!(inspection.execution.priority(), Priority::Critical);
    let why = engine.why(&tenant("acme"), last.peid()).await.unwrap().unwrap();
    assert_eq!(why.queued, Some((inspection.execution.head.createddate, Priority::Critical)));
    let refused = engine.reprioritise(&tenant("acme"), held.peid(), Priority::Low, asked()).await;
    assert!(matches!(
        refused,
        Err(ControlError::Refused(ControlRefusal::NotQueued(ExecutionStatus::Executing)))
    ));
    engine.flush().await.unwrap();
    harness.tool.open(4);
    for handle in &queued {
        completed(handle).await;
    }
    let expected = [held.peid(), queued[2].peid(), queued[0].peid(), queued[1].peid()];
    assert_eq!(order(&harness), expected);
}

#[tokio::test]
async fn a_queued_execution_keeps_signals_and_refuses_what_is_for_running_ones() {
    let harness = Harness::default();
    let (engine, _, _held) = full(&harness).await;
    let waits = named("waits", "steps:\n  - {id: closed, wait_for: closed}\n");
    let handle = harness.submit(&engine, &waits, json!(null)).await;
    assert!(handle.is_queued());
    let signal = |name: &str| Signal {
        id: "call-7".into(),
        name: Name::new(name).unwrap(),
        key: None,
        payload: json!({ "by": "ana" }).into(),
    };
    let unknown = handle.signal(signal("opened"), asked()).await;
    assert!(matches!(unknown, Err(ControlError::Refused(ControlRefusal::NotAwaited(_)))), "{unknown:?}");
    assert_eq!(handle.signal(signal("closed"), asked()).await.unwrap(), Applied::Kept);
    assert_eq!(handle.signal(signal("closed"), asked()).await.unwrap(), Applied::Repeated);
    for refused in [handle.pause(asked()).await, handle.resume(asked()).await] {
        assert!(matches!(refused, Err(ControlError::Refused(ControlRefusal::Queued))), "{refused:?}");
    }
    harness.tool.open(1);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.output.unwrap().value(), json!({ "by": "ana" }));
}

#[tokio::test]
async fn queued_executions_begin_after_a_restart_and_their_keys_are_known() {
    let harness = Harness::default();
    let (engine, pid, _held) = full(&harness).await;
    let keyed = |number: usize| of(pid).idempotency_key(format!("alert-{number}"));
    let mut peids = Vec::new();
    for number in 0..20 {
        peids.push(engine.submit(keyed(number)).await.unwrap().peid());
    }
    assert_eq!(engine.submit(keyed(3)).await.unwrap().peid(), peids[3]);
    engine.flush().await.unwrap();
    // Their entries leave memory: the store knows the keys.
    tokio::time::sleep(Duration::from_millis(250)).await;
    let again = engine.submit(keyed(4)).await.unwrap();
    assert!(again.peid() == peids[4] && again.reused() && again.is_queued());
    let _ = engine.shutdown(Duration::ZERO).await;
    assert!(soon(again.wait()).await.is_err(), "it is told that the engine has ended");

    let engine = narrow(&harness).start().await.unwrap();
    assert_eq!((engine.recovered().resumed, engine.recovered().queued), (1, 20));
    assert_eq!(engine.queued(), 20);
    let handle = engine.submit(keyed(5)).await.unwrap();
    assert_eq!((handle.peid(), handle.status().await.unwrap()), (peids[5], ExecutionStatus::Queued));
    let found = engine.handle(&tenant("acme"), peids[19]).await.unwrap().unwrap();
    harness.tool.open(100);
    completed(&handle).await;
    completed(&found).await;
    for peid in &peids {
        let handle = engine.handle(&tenant("acme"), *peid).await.unwrap().unwrap();
        completed(&handle).await;
    }
    let called: BTreeSet<ExecutionId> = order(&harness).into_iter().collect();
    assert_eq!((called.len(), harness.tool.calls().len()), (21, 22), "the one that ran was called again");
}

#[tokio::test]
async fn the_time_in_the_backlog_is_no_time_of_the_playbook() {
    let harness = Harness::default();
    let (engine, _, held) = full(&harness).await;
    let timed = named("timed", "timeout: 10s\nsteps:\n  - {id: gate, action: tool.gate}\n");
    let handle = harness.submit(&engine, &timed, json!(null)).await;
    harness.clock.advance(Duration::from_secs(3_600));
    harness.tool.open(1);
    completed(&held).await;
    harness.tool.begun(2).await;
    harness.tool.open(1);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    assert!(ended.state.playbook_runtime.unwrap() < 3_600_000);
}

#[tokio::test]
async fn a_full_backlog_refuses_and_hands_the_submission_back() {
    let harness = Harness::default();
    let engine = narrow(&harness).backlog(2).start().await.unwrap();
    let pid = harness.put(&engine, &gate()).await;
    let mut accepted = Vec::new();
    for _ in 0..3 {
        accepted.push(engine.submit(of(pid)).await.unwrap());
    }
    let error = engine.submit(of(pid).alert_id("a-4")).await.expect_err("it is full");
    assert!(matches!(error.refusal, Refusal::BacklogFull { .. }) && error.retryable());
    assert_eq!(*error.submission, of(pid).alert_id("a-4"));
    let _ = accepted[2].cancel(asked()).await.unwrap();
    accepted.push(engine.submit(of(pid)).await.expect("there is room again"));
    harness.tool.open(9);
    for handle in [&accepted[0], &accepted[1], &accepted[3]] {
        completed(handle).await;
    }
}

#[tokio::test]
async fn engines_that_crash_again_and_again_lose_nothing_and_end_nothing_twice() {
    const EXECUTIONS: usize = 300;
    let harness = Harness::default();
    let mut engine = harness.builder().executions_in_flight(7).start().await.unwrap();
    let echo = named("echo", "steps:\n  - {id: one, action: tool.pause}\n  - {id: two, action: tool.echo}\n");
    let pid = harness.put(&engine, &echo).await;
    let mut peids = Vec::new();
    for round in 0..6 {
        let submitted = (0..EXECUTIONS / 6)
            .map(|number| engine.submit(of(pid).idempotency_key(format!("{round}-{number}"))));
        peids.extend(future::join_all(submitted).await.into_iter().map(|handle| handle.unwrap().peid()));
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
        drop(engine);
        engine = loop {
            match harness.builder().executions_in_flight(7).start().await {
                Ok(engine) => break engine,
                Err(error) if error.is_in_use() => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        };
    }
    for peid in &peids {
        let handle = engine.handle(&tenant("acme"), *peid).await.unwrap().expect("it is there");
        completed(&handle).await;
    }
    until(async || engine.queued() == 0 && engine.unfinished().is_empty()).await;
    assert_eq!(peids.iter().collect::<BTreeSet<_>>().len(), EXECUTIONS);
    let called: BTreeSet<ExecutionId> = order(&harness).into_iter().collect();
    assert_eq!(called, peids.iter().copied().collect(), "nothing else has run");
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, updraft::Shutdown::Stored);
}

#[tokio::test]
async fn many_of_many_tenants_are_queued_and_all_end() {
    let harness = Harness::default();
    let builder = harness.builder().executions_in_flight(16).executions_in_flight_of_tenant(4);
    let engine = builder.start().await.unwrap();
    let echo = named("echo", "steps:\n  - {id: one, action: tool.echo}\n");
    let mut submissions = Vec::new();
    for number in 0..12 {
        let owner = tenant(&format!("t{number}"));
        let pid = engine.playbooks().put(&owner, echo.clone()).await.unwrap();
        submissions.extend((0..60).map(|_| Submission::new(owner.clone(), pid)));
    }
    let submitted = submissions.into_iter().map(|submission| engine.submit(submission));
    let handles = future::join_all(submitted).await;
    assert!(handles.iter().flatten().filter(|handle| handle.is_queued()).count() > 100);
    for handle in handles {
        completed(&handle.unwrap()).await;
    }
    assert_eq!(harness.tool.calls().len(), 720);
}
