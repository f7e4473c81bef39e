//! Reruns through a whole engine: what is kept, across a restart, what has to be declared, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{
    Asked, ContainmentQuery, ContainmentsOf, ControlKind, ExecutionStatus, Rerun, RerunError, StepId,
    TaskStatus,
};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, named, playbook, soon, tenant};

fn again() -> Rerun {
    Rerun::new(Asked { uid: "ana".into(), reason: "the tool is back".into() })
}

#[tokio::test]
async fn what_completed_is_kept_and_the_new_execution_says_of_which_it_is_the_rerun() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let steps = playbook(
        "steps:\n  - {id: look, action: tool.echo, arguments: {ip: '{{ input.ip }}'}}\n  - {id: block, action: tool.fail, arguments: {kind: forbidden}}\n",
    );
    let first = harness.submit(&engine, &steps, json!({"ip": "10.0.0.1"})).await;
    let ended = soon(first.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Failed);
    let (tenant, peid) = (tenant("acme"), first.peid());

    let rerun = engine.rerun(&tenant, peid, again().id("1")).await.unwrap();
    let ended = soon(rerun.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Failed);
    let rerun_of = ended.head.rerun_of.clone().unwrap();
    assert_eq!((rerun_of.peid, &*rerun_of.asked.uid), (peid, "ana"));
    let of_first = first.inspect().await.unwrap().tasks;
    let tasks = rerun.inspect().await.unwrap().tasks;
    let taken: Vec<_> = tasks.iter().map(|task| task.head.taken_from).collect();
    assert_eq!(taken, [Some(of_first[0].task_request_id), None]);
    assert_eq!(tasks[0].state.response, of_first[0].state.response);
    assert_eq!(tasks[0].state.started_date, of_first[0].state.started_date);
    let same = engine.rerun(&tenant, peid, again().id("1")).await.unwrap();
    assert_eq!((same.peid(), same.reused()), (rerun.peid(), true));

    let from = engine.rerun(&tenant, peid, again().from(StepId::new("look").unwrap())).await.unwrap();
    soon(from.wait()).await.unwrap();
    assert_eq!(from.inspect().await.unwrap().tasks[0].head.taken_from, None);
    let other = engine.rerun(&tenant, peid, again().input(json!({"ip": "10.0.0.2"}))).await.unwrap();
    soon(other.wait()).await.unwrap();
    assert_eq!(other.inspect().await.unwrap().tasks[0].head.taken_from, None);
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let handle = engine.handle(&tenant, rerun.peid()).await.unwrap().unwrap();
    let tasks = handle.inspect().await.unwrap().tasks;
    assert_eq!(tasks[0].head.taken_from, Some(of_first[0].task_request_id));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_newer_version_keeps_what_does_the_same_and_its_variables() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let of = |version: u32, block: &str| {
        let text = format!(
            "format: 1\nname: two\nversion: {version}\nvariables: {{a: 1, b: 1}}\nsteps:\n  - {{id: look, action: tool.echo}}\n  - {{id: block, action: {block}}}\n  - {{end: '{{{{ variables }}}}'}}\n"
        );
        updraft::Playbook::parse(text.as_bytes()).unwrap()
    };
    let pid = harness.put(&engine, &of(1, "tool.fail, arguments: {kind: forbidden}")).await;
    let given = updraft::Submission::new(tenant("acme"), pid).variable("a", json!(2));
    let first = engine.submit(given).await.unwrap();
    soon(first.wait()).await.unwrap();
    harness.put(&engine, &of(2, "tool.echo")).await;
    let rerun = engine.rerun(&tenant("acme"), first.peid(), again().newest()).await.unwrap();
    let ended = soon(rerun.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    assert_eq!(ended.state.output, Some(json!({"a": 2, "b": 1}).into()));
    assert_eq!(ended.head.playbook_version, 2);
    let tasks = rerun.inspect().await.unwrap().tasks;
    assert!(tasks[0].head.taken_from.is_some() && tasks[1].head.taken_from.is_none());
    assert_eq!(tasks[1].state.status, TaskStatus::Completed);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_cannot_run_again_is_refused_with_the_reason() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let waits =
        harness.submit(&engine, &named("waits", "steps:\n  - {wait_for: opened}\n"), json!(null)).await;
    let tenant = tenant("acme");
    let running = engine.rerun(&tenant, waits.peid(), again()).await;
    assert!(matches!(running, Err(RerunError::NotEnded(ExecutionStatus::Executing))), "{:?}", running.err());
    let done = harness
        .submit(&engine, &named("done", "steps:\n  - {id: a, action: tool.echo}\n"), json!(null))
        .await;
    soon(done.wait()).await.unwrap();
    let nothing = engine.rerun(&tenant, done.peid(), again()).await;
    assert!(matches!(nothing, Err(RerunError::NothingFailed)), "{:?}", nothing.err());
    let step = engine.rerun(&tenant, done.peid(), again().from(StepId::new("b").unwrap())).await;
    assert!(matches!(step, Err(RerunError::Unfit(_))), "{:?}", step.err());
    let nobody = Rerun::new(Asked { uid: "".into(), reason: "".into() });
    assert!(matches!(engine.rerun(&tenant, done.peid(), nobody).await, Err(RerunError::Asker(_))));
    let none = updraft::ExecutionId::from_bytes([7; 16]);
    assert!(matches!(engine.rerun(&tenant, none, again()).await, Err(RerunError::NoExecution(_))));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn the_first_execution_tells_of_its_reruns_over_restarts() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let steps = named("fails", "steps:\n  - {id: a, action: tool.fail, arguments: {kind: forbidden}}\n");
    let first = harness.submit(&engine, &steps, json!(null)).await;
    soon(first.wait()).await.unwrap();
    let (tenant, peid) = (tenant("acme"), first.peid());
    let both = tokio::join!(engine.rerun(&tenant, peid, again()), engine.rerun(&tenant, peid, again()));
    let mut reruns = vec![both.0.unwrap().peid(), both.1.unwrap().peid()];
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let third = engine.rerun(&tenant, peid, again()).await.unwrap();
    soon(third.wait()).await.unwrap();
    reruns.push(third.peid());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let engine = harness.start().await;
    let found = engine.execution(&tenant, peid).await.unwrap().unwrap().execution;
    let controls = &found.state.controls.as_ref().unwrap().newest;
    let told: Vec<_> =
        controls.iter().map(|record| (record.kind, record.execution, &*record.asked.uid)).collect();
    reruns.sort_unstable();
    let wanted: Vec<_> = reruns.into_iter().map(|rerun| (ControlKind::Rerun, Some(rerun), "ana")).collect();
    let mut sorted = told.clone();
    sorted.sort_unstable_by_key(|(_, rerun, _)| *rerun);
    assert_eq!(sorted, wanted);
    assert_eq!(found.state.execution_status, ExecutionStatus::Failed);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// A playbook that contains a host, in a sub-playbook, and fails.
const CONTAINS: &str = "steps:
  - id: isolate
    action: tool.echo
    arguments: {host: \"{{ input.host }}\"}
    expires: 4h
    target: \"{{ input.host }}\"
    undo: {action: tool.echo, arguments: {host: \"{{ output.host }}\"}}
  - {end: isolated}
";

#[tokio::test]
async fn what_was_contained_and_is_not_any_more_runs_again() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &named("contain", CONTAINS)).await;
    let steps = "steps:\n  - {id: sub, playbook: contain, with: {host: \"{{ input.host }}\"}}\n  - {id: fails, action: tool.fail, arguments: {kind: forbidden}}\n";
    let first = harness.submit(&engine, &named("parent", steps), json!({"host": "ws-17"})).await;
    soon(first.wait()).await.unwrap();
    let (tenant, peid) = (tenant("acme"), first.peid());
    let of = ContainmentsOf::Target("ws-17".into());
    let query = ContainmentQuery { tenant: tenant.clone(), of, after: None, limit: 10 };
    let listed = async || engine.containments().list(query.clone()).await.unwrap().0.pop();
    until(async || listed().await.is_some()).await;
    let kept = async |peid| {
        let rerun = engine.rerun(&tenant, peid, again()).await.unwrap();
        soon(rerun.wait()).await.unwrap();
        (rerun.inspect().await.unwrap().tasks[0].head.taken_from.is_some(), rerun.peid())
    };
    let (is_kept, second) = kept(peid).await;
    assert!(is_kept, "it is contained");
    assert!(kept(second).await.0, "it is contained still");
    let id = listed().await.unwrap().id;
    engine.containments().undo(&tenant, id, ("ana", "a false alarm")).await.unwrap();
    assert!(!kept(peid).await.0, "it was undone");
    assert!(!kept(second).await.0, "what it has taken over was undone");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// More than a thousand results in the first append of an execution, of the 110,000 that there may be.
const MANY: usize = 3_000;

#[tokio::test]
async fn a_loop_of_many_items_begins_again_with_all_that_they_did() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let each = playbook(&format!(
        "steps:
  - id: each
    for_each: input
    as: n
    at_once: 1000
    do:
      - {{id: look, action: tool.echo}}
      - {{if: n == {MANY}, then: [{{fail: 'no'}}]}}
"
    ));
    let list: Vec<usize> = (1..=MANY).collect();
    let first = harness.submit(&engine, &each, json!(list)).await;
    assert_eq!(soon(first.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    let calls = harness.tool.times("look");
    let rerun = engine.rerun(&tenant("acme"), first.peid(), again()).await.unwrap();
    soon(rerun.wait()).await.unwrap();
    let tasks = rerun.inspect().await.unwrap().tasks;
    assert_eq!(tasks.iter().filter(|task| task.head.taken_from.is_some()).count(), calls);
    assert_eq!((harness.tool.times("look"), calls), (MANY, MANY), "no item is run twice");
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let tasks = engine.execution(&tenant("acme"), rerun.peid()).await.unwrap().unwrap().tasks;
    assert_eq!(tasks.iter().filter(|task| task.head.taken_from.is_some()).count(), calls);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
