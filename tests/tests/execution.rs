//! What playbooks do: steps in order, branches, conditions, waits, retries, and every way to end. Each run is
//! also checked against the invariants, in memory and as stored.

use std::time::Duration;

use serde_json::json;
use updraft::limits::TASKS_AT_ONCE;
use updraft::{ExecutionStatus, FailureKind, TaskStatus};
use updraft_tests::{Harness, playbook};

#[tokio::test]
async fn steps_run_in_sequence_and_see_what_came_before() {
    let playbook = playbook(
        "variables: {limit: 80, words: [a, b]}
steps:
  - {id: one, action: tool.echo, arguments: {sender: '{{ input.sender }}'}}
  - id: two
    action: tool.echo
    arguments: {from: 'mail of {{ steps.one.output.sender }}', limit: '{{ variables.limit }}', words: '{{ variables.words }}'}
  - {id: three, end: {last: '{{ steps.two.output }}', first: '{{ steps.one.status }}'}}
",
    );
    let finished = Harness::default().run(&playbook, json!({ "sender": "eve" })).await;
    assert_eq!(
        (finished.status(), finished.steps()),
        (ExecutionStatus::Completed, vec!["one", "two", "three"])
    );
    let two = json!({ "from": "mail of eve", "limit": 80, "words": ["a", "b"] });
    assert_eq!(finished.response_of("two"), two, "a text that is one template keeps the type of its value");
    assert_eq!(finished.output(), json!({ "last": two, "first": "completed" }));
    assert!(finished.tasks.iter().all(|task| task.head.scope.as_str().is_empty() && task.state.attempt == 1));
}

#[tokio::test]
async fn a_condition_leads_one_way_or_the_other() {
    let playbook = playbook(
        "steps:
  - id: choose
    if: 'input.score > 80 and \"mail\" in input.tags'
    then: [{id: high, end: high}]
    else: [{id: low, end: low}]
",
    );
    for (input, steps, output) in [
        (json!({ "score": 90, "tags": ["mail"] }), ["choose", "high"], "high"),
        (json!({ "score": 90, "tags": [] }), ["choose", "low"], "low"),
        (json!({ "score": 80, "tags": ["mail"] }), ["choose", "low"], "low"),
    ] {
        let finished = Harness::default().run(&playbook, input).await;
        assert_eq!((finished.steps(), finished.output()), (steps.to_vec(), json!(output)));
        assert_eq!(finished.response_of("choose"), json!({ "result": output == "high" }));
    }
}

#[tokio::test]
async fn a_condition_without_an_else_goes_on_where_it_does_not_hold() {
    let playbook = playbook(
        "steps:
  - {id: choose, if: input.go, then: [{id: act, action: tool.echo}]}
",
    );
    let finished = Harness::default().run(&playbook, json!({ "go": false })).await;
    assert_eq!((finished.status(), finished.steps()), (ExecutionStatus::Completed, vec!["choose"]));
}

#[tokio::test]
async fn branches_are_joined_before_the_next_step_which_sees_them_all() {
    let playbook = playbook(
        "steps:
  - id: all
    parallel: all
    branches:
      a:
        - {id: a, action: tool.pause, arguments: {is: a}}
        - {id: a2, action: tool.echo, arguments: {is: '{{ steps.a.output.is }}2'}}
      b: [{id: b, action: tool.echo, arguments: {is: b}}]
      wait: [{id: wait, delay: 5ms}]
  - {id: last, end: ['{{ steps.a2.output.is }}', '{{ steps.b.output.is }}', '{{ steps.wait.status }}']}
",
    );
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!(finished.output(), json!(["a2", "b", "completed"]));
    assert_eq!(finished.steps().last(), Some(&"last"));
}

#[tokio::test]
async fn a_failing_branch_lets_the_others_end_and_then_goes_on_as_failed() {
    let playbook = playbook(
        "steps:
  - id: all
    parallel: all
    branches:
      bad: [{id: bad, action: tool.fail, arguments: {kind: status}}]
      slow: [{id: slow, action: tool.pause}, {id: slower, action: tool.pause}]
    on_failure: mend
  - {id: good, end: good}
  - {id: mend, end: '{{ steps.all.error.message }}'}
",
    );
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!(finished.status(), ExecutionStatus::Completed);
    assert_eq!(finished.status_of("slower"), TaskStatus::Completed);
    assert_eq!(finished.error_of("all").kind, FailureKind::Branch);
    assert_eq!(finished.output(), json!("step \"bad\": as the playbook says"));
}

#[tokio::test]
async fn a_failing_branch_fails_the_execution_where_nothing_follows() {
    let playbook = playbook(
        "steps:
  - id: outer
    parallel: all
    branches:
      inner:
        - id: inner
          parallel: all
          branches:
            bad: [{id: bad, fail: it failed}]
            fine2: [{id: fine2, action: tool.echo}]
      fine: [{id: fine, action: tool.echo}]
",
    );
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!((finished.status(), finished.error().kind), (ExecutionStatus::Failed, FailureKind::Branch));
    let way = "step \"outer\": step \"inner\": step \"bad\"";
    assert!(finished.error().message.starts_with(way), "{}", finished.error());
    assert_eq!(finished.error_of("bad").kind, FailureKind::EndStep);
    assert_eq!(finished.status_of("fine2"), TaskStatus::Completed);
}

#[tokio::test]
async fn branches_inside_branches_are_joined_from_the_inside() {
    let playbook = playbook(
        "steps:
  - id: outer
    parallel: all
    branches:
      inner:
        - id: inner
          parallel: all
          branches:
            x: [{id: x, action: tool.pause, arguments: {is: 1}}]
            y: [{id: y, action: tool.pause, arguments: {is: 2}}]
        - {id: z, action: tool.echo, arguments: {sum: '{{ steps.x.output.is + steps.y.output.is }}'}}
      side: [{id: side, delay: 1ms}]
  - {id: last, end: '{{ steps.z.output.sum }}'}
",
    );
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!(finished.output(), json!(3));
    let seq = |step: &str| finished.task(step).head.task_seq;
    assert!(seq("z") > seq("x").max(seq("y")) && seq("last") > seq("z").max(seq("side")));
}

#[tokio::test]
async fn a_failed_step_goes_on_where_its_playbook_says_so() {
    let playbook = playbook(
        "steps:
  - {id: bad, action: tool.fail, arguments: {kind: invalid_response}, on_failure: mend}
  - {id: never, end: null}
  - {id: mend, action: tool.echo, arguments: {why: '{{ steps.bad.error.kind }}', was: '{{ steps.bad.status }}'}}
",
    );
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!((finished.status(), finished.steps()), (ExecutionStatus::Completed, vec!["bad", "mend"]));
    assert_eq!(finished.response_of("mend"), json!({ "why": "invalid_response", "was": "failed" }));
    assert_eq!(finished.output(), finished.response_of("mend"), "the last step's output is the execution's");
}

#[tokio::test]
async fn a_step_is_tried_again_under_its_key_until_it_succeeds() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: flaky, action: tool.flaky, arguments: {failures: 2}, retry: {attempts: 3, initial: 1ms, max: 2ms}}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!((finished.status(), finished.task("flaky").state.attempt), (ExecutionStatus::Completed, 3));
    let attempts: Vec<u32> = harness.tool.calls().iter().map(|call| call.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert_eq!(
        finished.error_of("flaky").kind,
        FailureKind::Unreachable,
        "why its newest failed attempt failed"
    );
}

#[tokio::test]
async fn a_step_fails_when_its_attempts_are_used_up() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: flaky, action: tool.flaky, arguments: {failures: 9}, retry: {attempts: 3, initial: 1ms, max: 2ms}}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!((finished.status(), finished.task("flaky").state.attempt), (ExecutionStatus::Failed, 3));
    assert_eq!(harness.tool.calls().len(), 3);
    assert_eq!(finished.error().message, "step \"flaky\": not yet");
}

#[tokio::test]
async fn a_failure_that_no_retry_can_help_is_not_tried_again() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: bad, action: tool.fail, arguments: {kind: status}, retry: {attempts: 9, initial: 1ms, max: 1ms}}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!((finished.error().kind, harness.tool.calls().len()), (FailureKind::Status, 1));
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_fails_its_step_before_the_tool_is_asked() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: bad, action: tool.echo, arguments: {x: '{{ input.a.b.c }}'}, on_failure: mend}
  - {id: mend, end: '{{ steps.bad.error.kind }}'}
",
    );
    let finished = harness.run(&playbook, json!({ "a": 1 })).await;
    assert_eq!((finished.output(), harness.tool.calls().len()), (json!("template"), 0));
    assert!(finished.error_of("bad").message.contains("arguments.x"), "{}", finished.error_of("bad"));
}

#[tokio::test]
async fn a_condition_that_cannot_be_decided_fails_its_step() {
    let harness = Harness::default();
    let steps = |more: &str| {
        playbook(&format!(
            "steps:
  - {{id: choose, if: input.score > 80, then: [{{id: yes, end: null}}], else: [{{id: no, end: null}}]{more}}}
  - {{id: mend, end: '{{{{ steps.choose.error.kind }}}}'}}
"
        ))
    };
    let finished = harness.run(&steps(", on_failure: mend"), json!({ "score": "high" })).await;
    assert_eq!((finished.status(), finished.output()), (ExecutionStatus::Completed, json!("condition")));
}

#[tokio::test]
async fn an_end_step_as_failed_fails_the_execution() {
    let playbook = playbook("steps:\n  - {id: stop, fail: it failed, output: {why: nothing}}\n");
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!((finished.status(), finished.error().kind), (ExecutionStatus::Failed, FailureKind::EndStep));
    assert_eq!(finished.output(), json!({"why": "nothing"}));
}

#[tokio::test]
async fn an_at_most_once_step_without_an_answer_is_unknown_and_its_path_decides() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: once, action: tool.hang, timeout: 20ms, at_most_once: true, on_failure: never, on_unknown: ask}
  - {id: never, end: null}
  - {id: ask, end: '{{ steps.once.status }}: {{ steps.once.error.kind }}'}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!(
        (finished.status(), finished.output()),
        (ExecutionStatus::Completed, json!("unknown: timeout"))
    );
    assert_eq!((finished.status_of("once"), harness.tool.calls().len()), (TaskStatus::Unknown, 1));
    harness.tool.dropped(1).await;
}

#[tokio::test]
async fn an_at_most_once_step_that_certainly_did_not_act_is_tried_again_and_then_has_failed() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: once, action: tool.fail, arguments: {kind: unreachable}, at_most_once: true,
     retry: {attempts: 3, initial: 1ms, max: 1ms}, on_unknown: never, on_failure: mend}
  - {id: never, end: null}
  - {id: mend, end: mended}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!((finished.output(), harness.tool.calls().len()), (json!("mended"), 3));
}

#[tokio::test]
async fn an_unknown_step_fails_the_execution_where_nothing_follows() {
    let playbook = playbook(
        "steps:
  - {id: once, action: tool.fail, arguments: {kind: interrupted}, at_most_once: true}
",
    );
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!(
        (finished.status(), finished.status_of("once")),
        (ExecutionStatus::Failed, TaskStatus::Unknown)
    );
}

#[tokio::test]
async fn no_more_tasks_run_at_once_than_the_playbook_or_the_engine_allows() {
    for (header, bound) in [("tasks_at_once: 7\n", 7), ("", TASKS_AT_ONCE)] {
        let harness = Harness::default();
        let names: Vec<String> = (0..200).map(|branch| format!("b{branch}")).collect();
        let mut body = format!("{header}steps:\n  - id: all\n    parallel: all\n    branches:\n");
        for name in &names {
            body += &format!("      {name}: [{{id: {name}, action: tool.pause}}]\n");
        }
        let finished = harness.run(&playbook(&body), json!({})).await;
        assert_eq!((finished.status(), finished.tasks.len()), (ExecutionStatus::Completed, 201));
        assert_eq!(harness.tool.most(), bound, "all places are used, and no more");
    }
}

#[tokio::test]
async fn a_playbook_that_takes_too_long_times_out_and_what_runs_is_dropped() {
    let harness = Harness::default();
    let playbook = playbook(
        "timeout: 100ms
steps:
  - id: all
    parallel: all
    branches:
      hang: [{id: hang, action: tool.hang, on_failure: [{id: never2, end: null}]}]
      once: [{id: once, action: tool.hang, at_most_once: true}]
      wait: [{id: wait, delay: 1h}]
    on_failure: [{id: never, end: null}]
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!(
        (finished.status(), finished.execution.state.error.as_ref()),
        (ExecutionStatus::TimedOut, None)
    );
    harness.tool.dropped(2).await;
    for (step, status) in [
        ("all", TaskStatus::Cancelled),
        ("hang", TaskStatus::Cancelled),
        ("once", TaskStatus::Unknown),
        ("wait", TaskStatus::Cancelled),
    ] {
        assert_eq!(finished.status_of(step), status, "{step}");
    }
    assert_eq!(finished.tasks.len(), 4, "no path goes on after the end");
}

#[tokio::test]
async fn a_delay_lasts_at_least_as_long_as_it_says() {
    let playbook = playbook("steps:\n  - {id: wait, delay: 30ms}\n  - {id: end, end: null}\n");
    let finished = Harness::default().run(&playbook, json!({})).await;
    let wait = &finished.task("wait").state;
    assert!(
        wait.runtime.unwrap() >= 30 && finished.execution.state.playbook_runtime.unwrap() >= 30,
        "{wait:?}"
    );
    assert_eq!(wait.updated_date.since(wait.started_date.unwrap()), wait.runtime.unwrap());
}

#[tokio::test]
async fn an_attempt_that_times_out_is_dropped_and_tried_again() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: hang, action: tool.hang, timeout: 10ms, retry: {attempts: 2, initial: 1ms, max: 1ms}}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!(finished.error().kind, FailureKind::Timeout);
    assert!(finished.error().message.contains("10ms"), "{}", finished.error());
    harness.tool.dropped(2).await;
    let timeouts: Vec<Duration> = harness.tool.calls().iter().map(|call| call.timeout).collect();
    assert_eq!(timeouts, [Duration::from_millis(10); 2]);
}

#[tokio::test]
async fn a_thousand_steps_in_one_line_and_a_thousand_branches_both_end() {
    for wide in [false, true] {
        let harness = Harness::default();
        let mut body = if wide {
            "tasks_at_once: 1000\nsteps:\n  - id: s0\n    parallel: all\n    branches:\n"
        } else {
            "steps:\n  - {id: s0, action: tool.echo}\n"
        }
        .to_owned();
        for step in 1..1_000 {
            let echo = format!("{{id: s{step}, action: tool.echo}}");
            body += &if wide { format!("      s{step}: [{echo}]\n") } else { format!("  - {echo}\n") };
        }
        let finished = harness.run(&playbook(&body), json!({})).await;
        assert_eq!((finished.status(), finished.tasks.len()), (ExecutionStatus::Completed, 1_000));
    }
}
