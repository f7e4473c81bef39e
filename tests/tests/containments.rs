//! Containments through whole engines: what expires is undone, also when its execution has ended, also when nothing ran at
//! that time, and once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use updraft::{
    ContainmentApplied, ContainmentDocument, ContainmentError, ContainmentQuery, ContainmentRefusal,
    ContainmentStatus, ContainmentsOf, Engine, ExecutionStatus, Json, Playbook, Value,
};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, named, soon, tenant};

const FOUR_HOURS: Duration = Duration::from_secs(4 * 3600);

/// A playbook that contains a host for four hours; its undo is this action.
fn isolate(name: &str, undo: &str) -> Playbook {
    let steps = format!(
        "steps:
  - id: isolate
    action: tool.echo
    arguments: {{host: \"{{{{ input.host }}}}\", note: \"{{{{ input.note }}}}\"}}
    expires: 4h
    target: \"{{{{ input.host }}}}\"
    undo:
      action: {undo}
      arguments: {{host: \"{{{{ output.host }}}}\", note: \"{{{{ output.note }}}}\", kind: status}}
      retry: {{attempts: 1}}
"
    );
    named(name, &steps)
}

async fn contain(harness: &Harness, engine: &Engine, playbook: &Playbook, input: serde_json::Value) {
    let handle = harness.submit(engine, playbook, input).await;
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
}

async fn of_target(engine: &Engine, target: &str) -> Option<ContainmentDocument> {
    let of = ContainmentsOf::Target(target.into());
    let query = ContainmentQuery { tenant: tenant("acme"), of, after: None, limit: 10 };
    engine.containments().list(query).await.unwrap().0.pop()
}

/// Waits until the containment of a target is as wanted.
async fn wait_for(
    engine: &Engine,
    target: &str,
    wanted: impl Fn(&ContainmentDocument) -> bool,
) -> ContainmentDocument {
    until(async || of_target(engine, target).await.is_some_and(|found| wanted(&found))).await;
    of_target(engine, target).await.unwrap()
}

fn is(status: ContainmentStatus) -> impl Fn(&ContainmentDocument) -> bool {
    move |found| found.status == status
}

#[tokio::test]
async fn what_expires_is_undone_after_its_execution_has_ended_and_what_came_in_stays_data() {
    let harness = Harness::default();
    let engine = harness.start().await;
    // What an alert says may look like a template, or like a secret.
    let note = json!({"$secret": "edr-token", "text": "{{ variables.key }}", "n": 1.5});
    let input = json!({"host": "{{ ws-17 }}", "note": note});
    contain(&harness, &engine, &isolate("isolate", "echo"), input).await;
    let found = wait_for(&engine, "{{ ws-17 }}", is(ContainmentStatus::Active)).await;
    assert_eq!(found.until.0 - found.since.0, 4 * 3_600_000);
    assert_eq!(harness.tool.calls().len(), 1);
    harness.clock.advance(FOUR_HOURS);
    let undone = wait_for(&engine, "{{ ws-17 }}", is(ContainmentStatus::Undone)).await;
    let calls = harness.tool.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].arguments["host"], Value::from(json!("{{ ws-17 }}")));
    assert_eq!(Json::from(&calls[1].arguments["note"]), Json::from(note));
    // It is an execution as any other.
    let peid = undone.details.execution.unwrap();
    let shown = engine.execution(&tenant("acme"), peid).await.unwrap().unwrap();
    assert_eq!(shown.execution.state.execution_status, ExecutionStatus::Completed);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_is_due_while_nothing_runs_is_undone_by_the_next_start_and_a_shared_target_by_its_last_holder() {
    let harness = Harness::default();
    let first = harness.start().await;
    let playbook = isolate("isolate", "echo");
    contain(&harness, &first, &playbook, json!({"host": "ws-17", "note": 1})).await;
    harness.clock.advance(FOUR_HOURS / 2);
    contain(&harness, &first, &playbook, json!({"host": "ws-17", "note": 2})).await;
    contain(&harness, &first, &playbook, json!({"host": "ws-17", "note": 2})).await;
    // What its task holds may not be registered yet.
    let _ = first.shutdown(TEST_TIMEOUT).await;
    harness.clock.advance(FOUR_HOURS / 2);
    let second = harness.start().await;
    let held = wait_for(&second, "ws-17", |found| found.details.holders.len() == 3).await;
    assert_eq!(held.status, ContainmentStatus::Active, "the other executions hold it for two hours more");
    assert_eq!(harness.tool.times("undo"), 0);
    let _ = second.shutdown(TEST_TIMEOUT).await;
    harness.clock.advance(FOUR_HOURS);
    let third = harness.start().await;
    wait_for(&third, "ws-17", is(ContainmentStatus::Undone)).await;
    assert_eq!(harness.tool.times("undo"), 2, "each of the different calls is made, once");
    let _ = third.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_tool_that_is_down_is_asked_again_and_people_may_end_it_with_a_reason() {
    let harness = Harness::default();
    let engine = harness.start().await;
    contain(&harness, &engine, &isolate("isolate", "fail"), json!({"host": "ws-17", "note": 1})).await;
    let found = wait_for(&engine, "ws-17", is(ContainmentStatus::Active)).await;
    let (acme, id) = (tenant("acme"), found.id);
    let containments = engine.containments();
    let later = found.until.after(FOUR_HOURS);
    let extended = containments.extend(&acme, id, ("ana", "INC-7"), later).await.unwrap();
    assert_eq!(extended, ContainmentApplied::Changed);
    assert_eq!(
        containments.extend(&acme, id, ("ana", "INC-7"), later).await.unwrap(),
        ContainmentApplied::Unchanged
    );
    let other = containments.keep(&tenant("globex"), id, ("eve", "mine")).await.unwrap_err();
    assert!(matches!(other, ContainmentError::NoContainment(_)), "{other}");
    let nameless = containments.keep(&acme, id, ("ana", "")).await.unwrap_err();
    assert!(matches!(nameless, ContainmentError::Refused(ContainmentRefusal::NoReason)), "{nameless}");
    assert_eq!(
        containments.undo(&acme, id, ("ben", "false alarm")).await.unwrap(),
        ContainmentApplied::Changed
    );
    let failed = wait_for(&engine, "ws-17", is(ContainmentStatus::UndoFailed)).await;
    assert!(failed.details.reason.as_ref().unwrap().contains("as the playbook says"), "{failed:?}");
    assert!(failed.due.is_some(), "and is tried again");
    harness.clock.advance(Duration::from_secs(61));
    wait_for(&engine, "ws-17", |found| found.details.failures == 2).await;
    assert_eq!(
        containments.keep(&acme, id, ("ana", "reinstalled")).await.unwrap(),
        ContainmentApplied::Changed
    );
    let kept = of_target(&engine, "ws-17").await.unwrap();
    let last = kept.details.history.last().unwrap();
    assert_eq!((kept.status, last.reason.as_deref()), (ContainmentStatus::Kept, Some("reinstalled")));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn an_execution_that_fails_undoes_what_it_did_and_what_it_could_not_is_listed() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let steps = "
steps:
  - {id: a, action: tool.echo, arguments: {n: 1}, undo: {action: echo, arguments: {n: '{{ output.n + 1 }}'}}}
  - {id: b, action: tool.echo, undo: {action: fail, arguments: {kind: status}, retry: {attempts: 1}}}
  - id: c
    action: tool.echo
    expires: 4h
    target: ws-18
    undo: {action: echo, arguments: {host: ws-18}, on: [failure]}
  - {fail: 'no'}
";
    let handle = harness.submit(&engine, &named("undone", steps), json!({})).await;
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Failed);
    let error = ended.state.error.unwrap();
    assert!(error.message.ends_with("; 1 of 3 undos failed"), "{error}");
    let acme = tenant("acme");
    let shown = engine.execution(&acme, handle.peid()).await.unwrap().unwrap();
    let of = |step: &str| shown.tasks.iter().find(|task| task.head.step_id.as_str() == step).unwrap();
    assert_eq!(harness.tool.times("undo.a"), 1);
    // What expires is released, and undone at once; what failed is listed, and made again when a person asks.
    wait_for(&engine, "ws-18", is(ContainmentStatus::Undone)).await;
    let target = format!("task {}", of("b").task_request_id);
    let left = wait_for(&engine, &target, is(ContainmentStatus::UndoFailed)).await;
    assert_eq!((left.due, left.details.round), (None, 0));
    let asked = engine.containments().undo(&acme, left.id, ("ana", "the tool is back")).await.unwrap();
    assert_eq!(asked, ContainmentApplied::Changed);
    let again = wait_for(&engine, &target, |found| found.details.failures == 1).await;
    assert_eq!(again.status, ContainmentStatus::UndoFailed);
    engine.containments().keep(&acme, left.id, ("ana", "done by hand")).await.unwrap();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// A process with an engine on this directory, that appends what its tool did to a log.
fn child(folder: &std::path::Path, then: &str) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_contain-child"))
        .args([folder.join("data"), folder.join("log"), then.into()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The keys under which the hosts were released.
fn released(folder: &std::path::Path) -> BTreeMap<String, BTreeSet<String>> {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let mut released: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in log.lines() {
        let (host, key) =
            line.strip_prefix("release ").and_then(|rest| rest.split_once(' ')).unwrap_or_default();
        if !host.is_empty() {
            released.entry(host.to_owned()).or_default().insert(key.to_owned());
        }
    }
    released
}

/// The next line that a process prints.
fn line(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn what_falls_due_while_nothing_runs_is_undone_once_whenever_processes_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = child(folder.path(), "contain");
    assert_eq!(line(&mut BufReader::new(first.stdout.take().unwrap())), "contained");
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(released(folder.path()).is_empty());
    // Killed at every fifth moment of registering, of beginning and of following the undos, of which there are 60.
    for steps in (0..60).step_by(5) {
        let mut killed = child(folder.path(), "undo");
        let mut out = BufReader::new(killed.stdout.take().unwrap());
        while line(&mut out).parse::<usize>().unwrap() < steps {}
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    let last = child(folder.path(), "undo").wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&last.stdout).lines().last(), Some("60"), "all are undone");
    let released = released(folder.path());
    assert_eq!(released.len(), 20, "every host is released");
    for (host, keys) in released {
        assert_eq!(keys.len(), 1, "{host} is released by one execution, however often that was begun again");
    }
}
