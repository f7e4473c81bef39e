//! What is asked before an action, and what has to be seen after it: `already` and `verify` through whole engines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{ContainmentQuery, ContainmentsOf, Engine, ExecutionStatus};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, named, playbook, soon, tenant};

#[tokio::test]
async fn a_step_counts_as_done_once_a_look_shows_it() {
    let shown = |name: &str, until: &str| {
        let steps = format!(
            "steps:
  - id: isolate
    action: tool.echo
    arguments: {{job: 7}}
    verify:
      action: echo
      arguments: {{job: '{{{{ output.job }}}}', look: '{{{{ round_index }}}}'}}
      until: {until}
      pause: 1ms
      at_most: 4
    on_failure: [{{id: not_seen, end: '{{{{ steps[\"verify.isolate\"].error.kind }}}}'}}]
  - {{id: seen, end: '{{{{ steps.isolate.output.job }}}}'}}
"
        );
        named(name, &steps)
    };
    let harness = Harness::default();
    let engine = harness.start().await;
    for (name, until, output, looks) in [
        ("shown", "result.job == 7 and result.look == 2", json!(7), 3),
        ("unseen", "result.look == 9", json!("unverified"), 4),
    ] {
        let handle = harness.submit(&engine, &shown(name, until), json!({})).await;
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.output, Some(output.into()));
        let tasks = soon(handle.inspect()).await.unwrap().tasks;
        let looked = tasks.iter().filter(|task| task.head.step_id.as_str() == "look.isolate");
        assert_eq!(looked.count(), looks);
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// How many tasks hold the target, by the containments of the engine.
async fn holders(engine: &Engine) -> usize {
    let of = ContainmentsOf::Target("ws-17".into());
    let query = ContainmentQuery { tenant: tenant("acme"), of, after: None, limit: 10 };
    let found = engine.containments().list(query).await.unwrap().0;
    found.iter().map(|containment| containment.details.holders.len()).sum()
}

#[tokio::test]
async fn what_others_have_done_is_not_contained_and_what_executions_contain_is_held_by_each() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - id: isolate
    action: tool.echo
    already: {action: echo, arguments: {isolated: '{{ input.isolated }}'}, if: result.isolated}
    expires: 4h
    target: ws-17
    undo: {action: echo}
",
    );
    let run = async |engine: &Engine, isolated: bool| {
        let handle = harness.submit(engine, &playbook, json!({ "isolated": isolated })).await;
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    };
    let first = harness.start().await;
    run(&first, true).await;
    // At its end everything is heard.
    let _ = first.shutdown(TEST_TIMEOUT).await;
    let second = harness.start().await;
    assert_eq!(holders(&second).await, 0);
    run(&second, false).await;
    until(async || holders(&second).await == 1).await;
    run(&second, true).await;
    let _ = second.shutdown(TEST_TIMEOUT).await;
    let third = harness.start().await;
    assert_eq!(holders(&third).await, 2);
    assert_eq!(harness.tool.times("isolate"), 3, "each has done it");
    let _ = third.shutdown(TEST_TIMEOUT).await;
}
