//! Answers that are larger than what may be kept: what looked something up has failed, what acted is completed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::limits::{RESPONSE_BYTES, VALUE_NESTING};
use updraft::{ExecutionStatus, FailureKind, TaskStatus};
use updraft_tests::{Harness, named, playbook};

#[tokio::test]
async fn an_answer_that_is_too_large_fails_a_step_that_looks_something_up() {
    let playbook = playbook(&format!(
        "steps:
  - {{id: fits, action: tool.fetch, arguments: {{bytes: {}}}}}
  - id: large
    action: tool.fetch
    arguments: {{bytes: {}}}
    on_failure: [{{id: mend, end: '{{{{ steps.large.error.kind }}}}'}}]
",
        RESPONSE_BYTES - 2,
        RESPONSE_BYTES - 1
    ));
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!((finished.status_of("fits"), finished.output()), (TaskStatus::Completed, json!("too_large")));
    assert_eq!(finished.task("large").state.response, None);
}

#[tokio::test]
async fn a_step_that_acted_is_completed_whatever_of_its_answer_can_be_kept() {
    let playbook = playbook(&format!(
        "steps:
  - {{id: large, action: tool.large, arguments: {{bytes: {RESPONSE_BYTES}}}, at_most_once: true}}
  - {{id: end, end: '{{{{ steps.large.output }}}}'}}
"
    ));
    let finished = Harness::default().run(&playbook, json!({})).await;
    assert_eq!(finished.status_of("large"), TaskStatus::Completed);
    let note = format!("the answer has {} bytes; at most {RESPONSE_BYTES} are kept", RESPONSE_BYTES + 2);
    assert_eq!(finished.output(), json!({ "body": null, "note": note }));
}

#[tokio::test]
async fn an_execution_keeps_a_bounded_sum_of_answers() {
    let steps = |action: &str| {
        let mut body = "steps:\n".to_owned();
        for step in 0..10 {
            body += &format!("  - {{id: s{step}, action: tool.{action}, arguments: {{bytes: 1000000}}}}\n");
        }
        playbook(&body)
    };
    let finished = Harness::default().run(&steps("fetch"), json!({})).await;
    assert_eq!((finished.status(), finished.error().kind), (ExecutionStatus::Failed, FailureKind::TooLarge));
    assert_eq!(finished.tasks.len(), 9, "eight of a million bytes fit into 8 MiB");
    let finished = Harness::default().run(&steps("large"), json!({})).await;
    assert_eq!(
        (finished.status(), finished.tasks.len()),
        (ExecutionStatus::Completed, 10),
        "what acted has acted"
    );
    assert!(finished.response_of("s9")["note"].is_string() && finished.response_of("s7").is_string());
}

#[tokio::test]
async fn an_answer_is_kept_only_where_it_can_be_read_back() {
    let harness = Harness::default();
    for (levels, kept) in [(VALUE_NESTING, true), (VALUE_NESTING + 1, false), (1_000, false)] {
        let playbook = named(
            &format!("levels-{levels}"),
            &format!("steps: [{{id: deep, action: tool.deep, arguments: {{levels: {levels}}}}}]"),
        );
        let finished = harness.run(&playbook, json!({})).await;
        assert_eq!(finished.status_of("deep"), TaskStatus::Completed, "it acted");
        let told = finished.task("deep").state.response.as_ref().map(ToString::to_string).unwrap_or_default();
        let note =
            format!("{{\"body\":null,\"note\":\"the answer is nested deeper than {VALUE_NESTING} levels\"}}");
        assert!(if kept { told.starts_with("[[[") } else { told == note }, "{told}");
    }
    // What is stored is read back at a start.
    let engine = harness.start().await;
    engine.flush().await.unwrap();
}
