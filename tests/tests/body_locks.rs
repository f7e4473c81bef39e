//! Locks of bodies: from before the first call inside until the step or the item has ended, nobody else acts on the target who
//! asks for its lock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{
    ApprovalAnswer, CancelVerdict, Engine, ExecutionStatus, Handle, Inbox, InboxQuery, Json, Submission,
    TaskStatus,
};
use updraft_tests::{Harness, asked, completed, locks, named, soon, started, tenant, until};

/// A step of another playbook that asks for the lock of its target.
const OTHER: &str = "steps:\n  - {id: other, action: tool.gate, lock: {target: h}}\n";

/// Two calls in one body with the lock of `h`, and one after it.
const BODY: &str = "steps:
  - if: 'true'
    lock: {target: H}
    then:
      - {id: first, action: tool.gate}
      - {id: second, action: tool.gate}
  - {id: after, action: tool.gate}
";

async fn submit(engine: &Engine, name: &str, steps: &str) -> Handle {
    let acme = tenant("acme");
    let pid = engine.playbooks().put(&acme, named(name, steps)).await.unwrap();
    let input = Json::from(json!({"hosts": ["a", "b", "c"]})).tree().unwrap();
    engine.submit(Submission::new(acme, pid).input(input)).await.unwrap()
}

/// The steps that were called, in order.
fn called(harness: &Harness) -> Vec<String> {
    harness.tool.calls().iter().map(|call| call.step_id.to_string()).collect()
}

/// Why the first step failed that did.
async fn failure(handle: &Handle) -> (String, String) {
    let tasks = soon(handle.inspect()).await.unwrap().tasks;
    let failed = tasks.iter().find(|task| task.state.status == TaskStatus::Failed).unwrap();
    let error = failed.state.error.as_ref().unwrap();
    (error.kind.as_str().to_owned(), error.message.clone())
}

#[tokio::test]
async fn a_body_has_its_target_to_itself_between_its_calls_and_lets_go_when_it_has_ended() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let after_a_call = BODY.replacen("steps:\n", "steps:\n  - {action: tool.echo}\n", 1);
    let mut calls = 0;
    for (name, text, before) in [("body", BODY, 0), ("later", after_a_call.as_str(), 1)] {
        let body = submit(&engine, name, text).await;
        calls += before;
        harness.tool.begun(calls + 1).await;
        let other = submit(&engine, "other", OTHER).await;
        locks(&engine, (1, 1)).await;
        harness.tool.open(1);
        harness.tool.begun(calls + 2).await;
        assert_eq!(called(&harness)[calls..], ["first", "second"]);
        assert_eq!(engine.target_locks(), (1, 1));
        harness.tool.open(1);
        harness.tool.begun(calls + 4).await;
        let mut rest = called(&harness).split_off(calls + 2);
        rest.sort();
        assert_eq!((rest, engine.target_locks()), (vec!["after".into(), "other".to_owned()], (1, 0)));
        harness.tool.open(2);
        completed(&body).await;
        completed(&other).await;
        locks(&engine, (0, 0)).await;
        calls += 4;
    }
}

#[tokio::test]
async fn each_item_locks_its_own_target_until_it_has_ended() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let each = "steps:
  - for_each: input.hosts
    as: host
    at_once: 2
    lock: {target: '{{ host }}'}
    do: [{id: one, action: tool.gate}]
";
    let items = submit(&engine, "items", each).await;
    harness.tool.begun(2).await;
    locks(&engine, (2, 0)).await;
    let others = ["a", "c"].map(|host| OTHER.replace("target: h", &format!("target: {host}")));
    let first = submit(&engine, "other_a", &others[0]).await;
    locks(&engine, (2, 1)).await;
    let last = submit(&engine, "other_c", &others[1]).await;
    harness.tool.begun(3).await;
    assert_eq!(called(&harness), ["one", "one", "other"], "nobody has the third");
    harness.tool.open(1);
    harness.tool.begun(4).await;
    harness.tool.open(9);
    for handle in [&items, &first, &last] {
        completed(handle).await;
    }
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn nobody_waits_for_a_target_that_is_locked_around_and_branches_share_its_lock() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let nested = "steps:
  - parallel: all
    lock: {target: h}
    branches:
      x:
        - {id: own, action: tool.gate, lock: {target: H}}
      y:
        - {id: plain, action: tool.gate}
      z:
        - while: round_index < 2
          lock: {target: ' h '}
          do: [{id: round, action: tool.gate}]
";
    let blocker = submit(&engine, "blocker", OTHER).await;
    harness.tool.begun(1).await;
    let nested = submit(&engine, "nested", nested).await;
    locks(&engine, (1, 1)).await;
    harness.tool.open(1);
    completed(&blocker).await;
    harness.tool.begun(4).await;
    assert_eq!(engine.target_locks(), (1, 0), "one owner has the lock for all of them");
    harness.tool.open(9);
    completed(&nested).await;
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn a_child_acts_on_what_is_locked_for_it_and_nobody_else_does() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &named("inner", OTHER)).await;
    harness.put(&engine, &named("middle", "steps:\n  - playbook: inner\n")).await;
    let parent = "steps:\n  - {if: 'true', lock: {target: h}, then: [{playbook: middle}, {id: last, action: tool.gate}]}\n";
    let blocker = submit(&engine, "blocker", OTHER).await;
    harness.tool.begun(1).await;
    let parent = submit(&engine, "parent", parent).await;
    locks(&engine, (1, 1)).await;
    assert_eq!(soon(parent.inspect()).await.unwrap().tasks.len(), 1, "the child has not begun");
    harness.tool.open(1);
    completed(&blocker).await;
    harness.tool.begun(2).await;
    let other = submit(&engine, "another", OTHER).await;
    locks(&engine, (1, 1)).await;
    harness.tool.open(1);
    harness.tool.begun(3).await;
    assert_eq!(called(&harness), ["other", "other", "last"]);
    harness.tool.open(9);
    completed(&parent).await;
    completed(&other).await;
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn two_that_lock_two_targets_in_opposite_orders_end_by_their_time_and_not_never() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let both = |one: &str, other: &str| {
        let handler = "on_timeout: [{action: tool.echo, arguments: {late: true}}]";
        let inner =
            format!("{{id: act, action: tool.echo, lock: {{target: {other}, wait: 200ms}}, {handler}}}");
        format!(
            "steps:\n  - {{if: 'true', lock: {{target: {one}}}, then: [{{id: first, action: tool.gate}}, {inner}]}}\n"
        )
    };
    let one = submit(&engine, "one", &both("h", "i")).await;
    let other = submit(&engine, "other", &both("i", "h")).await;
    harness.tool.begun(2).await;
    harness.tool.open(2);
    completed(&one).await;
    completed(&other).await;
    let mut late = 0;
    for (handle, target) in [(&one, "i"), (&other, "h")] {
        let tasks = soon(handle.inspect()).await.unwrap().tasks;
        let act = tasks.iter().find(|task| task.head.step_id.as_str() == "act").unwrap();
        if act.state.status == TaskStatus::Failed {
            late += 1;
            let expected = ("expired".to_owned(), format!("others acted on {target} for 200ms"));
            assert_eq!(failure(handle).await, expected);
        }
    }
    assert!(late > 0, "each waits for the other");
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn all_calls_of_a_body_that_waits_too_long_fail_and_none_was_made() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let blocker = submit(&engine, "blocker", OTHER).await;
    harness.tool.begun(1).await;
    let hasty = "steps:
  - parallel: all
    lock: {target: h, wait: 50ms}
    branches:
      x: [{id: x, action: tool.gate}]
      y: [{id: y, action: tool.gate}]
";
    let hasty = submit(&engine, "hasty", hasty).await;
    assert_eq!(soon(hasty.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    assert_eq!(failure(&hasty).await.0, "branch");
    let tasks = soon(hasty.inspect()).await.unwrap().tasks;
    let told: Vec<_> =
        tasks.iter().filter_map(|task| task.state.error.as_ref()).map(|error| &*error.message).collect();
    assert_eq!(told[1..], ["others acted on h for 50ms"; 2]);
    assert_eq!(called(&harness), ["other"]);
    harness.tool.open(1);
    completed(&blocker).await;
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn a_cancel_lets_go_in_the_body_and_in_the_line_for_it() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let holder = submit(&engine, "body", BODY).await;
    harness.tool.begun(1).await;
    let waiting = submit(&engine, "body", BODY).await;
    locks(&engine, (1, 1)).await;
    let other = submit(&engine, "other", OTHER).await;
    locks(&engine, (1, 2)).await;
    for handle in [&waiting, &holder] {
        let cancelled = engine.cancel(&tenant("acme"), handle.peid(), asked()).await.unwrap();
        assert_eq!(cancelled, Some(CancelVerdict::Cancelled));
    }
    harness.tool.begun(2).await;
    assert_eq!(called(&harness), ["first", "other"]);
    harness.tool.open(9);
    completed(&other).await;
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn a_body_keeps_its_lock_out_of_memory_and_takes_it_again_after_a_crash() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let slow = "steps:
  - if: 'true'
    lock: {target: h}
    then:
      - {id: first, action: tool.echo}
      - {wait_for: go, timeout: 1h}
      - {id: second, action: tool.gate}
";
    let body = submit(&engine, "slow", slow).await;
    harness.tool.begun(1).await;
    let other = submit(&engine, "other", OTHER).await;
    locks(&engine, (1, 1)).await;
    assert_eq!(called(&harness), ["first"], "an hour's wait inside is no gap");
    let go = |id: &str| updraft::Signal {
        id: id.into(),
        name: updraft::Name::new("go").unwrap(),
        key: None,
        payload: json!(null).into(),
    };
    until(async || {
        let tasks = soon(body.inspect()).await.unwrap().tasks;
        tasks.iter().any(|task| task.state.status == TaskStatus::Waiting)
    })
    .await;
    soon(body.signal(go("1"), asked())).await.unwrap();
    harness.tool.begun(2).await;
    assert_eq!(
        (called(&harness), engine.target_locks()),
        (vec!["first".into(), "second".to_owned()], (1, 1))
    );
    let peid = body.peid();
    drop((engine, other, body));
    let engine = started(&harness.builder()).await;
    // Whoever is first after the crash: never both.
    harness.tool.begun(3).await;
    locks(&engine, (1, 1)).await;
    harness.tool.open(9);
    harness.tool.begun(4).await;
    let body = engine.handle(&tenant("acme"), peid).await.unwrap().unwrap();
    completed(&body).await;
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn who_has_a_target_goes_on_though_those_that_wait_for_it_have_all_other_places() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(2).start().await.unwrap();
    let asks = "steps:
  - if: 'true'
    lock: {target: h}
    then:
      - {id: first, action: tool.gate}
      - {id: ask, approval: Go on?}
      - {playbook: inner, version: 1}
";
    let acme = tenant("acme");
    let inner = "steps:\n  - {id: inside, action: tool.gate}\n";
    engine.playbooks().put(&acme, named("inner", inner)).await.unwrap();
    let holder = submit(&engine, "asks", asks).await;
    harness.tool.open(1);
    let inbox = || InboxQuery { tenant: acme.clone(), of: Inbox::All, after: None, limit: 9 };
    until(async || !engine.inbox(inbox()).await.unwrap().is_empty()).await;
    drop(holder.clone());
    let waiting = [submit(&engine, "other", OTHER).await, submit(&engine, "other", OTHER).await];
    locks(&engine, (1, 1)).await;
    let task = engine.inbox(inbox()).await.unwrap()[0].task;
    let answer = ApprovalAnswer {
        uid: "ana".into(),
        groups: Vec::new(),
        choice: "approve".parse().unwrap(),
        comment: None,
        data: None,
    };
    engine.answer(&acme, holder.peid(), task, answer).await.unwrap();
    harness.tool.begun(2).await;
    assert_eq!(called(&harness), ["first", "inside"]);
    harness.tool.open(10);
    completed(&holder).await;
    for handle in &waiting {
        completed(handle).await;
    }
    locks(&engine, (0, 0)).await;
}

#[tokio::test]
async fn what_cleans_up_after_a_cancel_in_line_gets_the_lock_that_the_body_waited_for() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let first = submit(&engine, "other", OTHER).await;
    harness.tool.begun(1).await;
    let cleans = "steps:
  - if: 'true'
    lock: {target: h}
    then:
      - do:
          - {id: act, action: tool.gate}
        finally:
          - {id: clean, action: tool.gate}
";
    let second = submit(&engine, "cleans", cleans).await;
    locks(&engine, (1, 1)).await;
    assert_eq!(soon(second.cancel(asked())).await.unwrap(), CancelVerdict::Cancelled);
    locks(&engine, (1, 1)).await;
    harness.tool.open(10);
    completed(&first).await;
    let ended = soon(second.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Cancelled);
    assert_eq!(called(&harness), ["other", "clean"]);
    locks(&engine, (0, 0)).await;
}
