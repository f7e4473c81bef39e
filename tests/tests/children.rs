//! Sub-playbooks through a whole engine: they are started once, end with their reason, are cancelled with their parents,
//! and need no place that a parent holds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{
    CancelVerdict, Engine, ExecutionDocument, ExecutionId, ExecutionStatus, FailureKind, Handle, Name,
    Submission, TaskStatus,
};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, asked, named, playbook, soon, tenant};

/// The execution that the first task of another one has started, once it has begun: before, a cancel of the other or a
/// shutdown leaves none.
async fn child_of(engine: &Engine, parent: &Handle) -> Handle {
    let task = parent.inspect().await.unwrap().tasks[0].task_request_id;
    let child = ExecutionId::of_child(task);
    let begun = async || {
        let handle = engine.handle(&tenant("acme"), child).await.unwrap()?;
        let has_tasks = handle.inspect().await.is_ok_and(|inspection| !inspection.tasks.is_empty());
        has_tasks.then_some(handle)
    };
    until(async || begun().await.is_some()).await;
    begun().await.unwrap()
}

async fn run(harness: &Harness, engine: &Engine, name: &str, steps: &str) -> ExecutionDocument {
    let handle = harness.submit(engine, &named(name, steps), json!({"host": "pc-7"})).await;
    soon(handle.wait()).await.unwrap()
}

#[tokio::test]
async fn a_child_gets_its_input_and_gives_its_output() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &named("inner", "steps:\n  - {end: {host: '{{ input.name }}'}}\n")).await;
    harness
        .put(&engine, &named("outer", "steps:\n  - {playbook: inner, with: {name: '{{ input.host }}'}}\n"))
        .await;
    let ended =
        run(&harness, &engine, "top", "steps:\n  - {playbook: outer, with: {host: '{{ input.host }}'}}\n")
            .await;
    assert_eq!(ended.state.output, Some(json!({"host": "pc-7"}).into()));
    let each = "{id: one, playbook: inner, with: {name: '{{ n }}'}}";
    let steps = format!(
        "steps:\n  - {{for_each: '[1, 2, 3, 4]', as: n, do: [{each}], collect: '{{{{ steps.one.output.host }}}}'}}\n"
    );
    let ended = run(&harness, &engine, "each", &steps);
    let ended = ended.await;
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_a_child_cannot_do_is_told_with_its_reason() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let inputs = "inputs: {type: object, required: [host], properties: {host: {type: string}}}\n";
    harness.put(&engine, &named("strict", &format!("{inputs}steps:\n  - {{fail: no such host}}\n"))).await;
    for (number, (step, kind, message)) in [
        ("{playbook: nowhere}", FailureKind::Child, "there is no playbook \"nowhere\""),
        (
            "{playbook: strict, version: 7}",
            FailureKind::Child,
            "there is no version 7 of a playbook \"strict\"",
        ),
        ("{playbook: strict}", FailureKind::Child, "input.host: is needed"),
        ("{playbook: strict, with: {host: a}}", FailureKind::Child, "no such host"),
    ]
    .into_iter()
    .enumerate()
    {
        let ended = run(&harness, &engine, &format!("p{number}"), &format!("steps:\n  - {step}\n")).await;
        let error = ended.state.error.unwrap();
        assert_eq!(error.kind, kind);
        assert!(error.message.contains(message), "{}", error.message);
    }
    harness.put(&engine, &named("endless", "steps:\n  - {playbook: endless}\n")).await;
    let ended = run(&harness, &engine, "first", "steps:\n  - {playbook: endless}\n").await;
    let error = ended.state.error.unwrap();
    assert!(error.message.contains("at most 8 deep"), "{}", error.message);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_cancel_goes_down_and_what_is_left_running_goes_on() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &named("waits", "steps:\n  - {wait_for: opened}\n")).await;
    let steps = playbook("steps:\n  - {playbook: waits}\n");
    let parent = harness.submit(&engine, &steps, json!(null)).await;
    let child = child_of(&engine, &parent).await;
    assert_eq!(parent.cancel(asked()).await.unwrap(), CancelVerdict::Cancelled);
    assert_eq!(soon(child.wait()).await.unwrap().state.execution_status, ExecutionStatus::Cancelled);

    let steps = named("left", "steps:\n  - {playbook: waits, wait: false}\n");
    let parent = harness.submit(&engine, &steps, json!(null)).await;
    let ended = soon(parent.wait()).await.unwrap();
    let child = child_of(&engine, &parent).await;
    assert_eq!(ended.state.output, Some(json!(child.peid().to_string()).into()));
    assert_eq!(child.status().await.unwrap(), ExecutionStatus::Executing);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_child_goes_on_after_a_restart_and_its_parent_hears_of_it() {
    let harness = Harness::default();
    let first = harness.start().await;
    harness.put(&first, &named("waits", "steps:\n  - {wait_for: opened}\n")).await;
    let parent = harness.submit(&first, &playbook("steps:\n  - {playbook: waits}\n"), json!(null)).await;
    let (peid, child) = (parent.peid(), child_of(&first, &parent).await.peid());
    let _ = first.shutdown(TEST_TIMEOUT).await;

    let second = harness.start().await;
    let opened = updraft::Signal {
        id: "1".into(),
        name: Name::new("opened").unwrap(),
        key: None,
        payload: json!({"by": "ana"}).into(),
    };
    soon(second.signal(&tenant("acme"), child, opened, asked())).await.unwrap();
    let parent = second.handle(&tenant("acme"), peid).await.unwrap().unwrap();
    let ended = soon(parent.wait()).await.unwrap();
    assert_eq!(ended.state.output, Some(json!({"by": "ana"}).into()));
    let document = second.handle(&tenant("acme"), child).await.unwrap().unwrap().inspect().await.unwrap();
    assert_eq!(document.execution.head.parent.unwrap().peid, peid);
    let _ = second.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn one_place_is_enough_for_executions_inside_each_other() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(1).start().await.unwrap();
    harness.put(&engine, &named("inner", "steps:\n  - {delay: 20ms}\n  - {end: 7}\n")).await;
    harness.put(&engine, &named("outer", "steps:\n  - {playbook: inner}\n")).await;
    let steps = playbook("steps:\n  - {playbook: outer}\n");
    let pid = harness.put(&engine, &steps).await;
    let submit = async || engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    for handle in [submit().await, submit().await, submit().await] {
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(
            (ended.state.execution_status, ended.state.output),
            (ExecutionStatus::Completed, Some(json!(7).into()))
        );
        let tasks = handle.inspect().await.unwrap().tasks;
        assert_eq!(tasks[0].state.status, TaskStatus::Completed);
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
