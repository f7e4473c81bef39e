//! A panic at each place where the thread of a shard asks for the time: whatever it takes down, every execution ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::{Value as Form, json};
use updraft::{ExecutionStatus, FailureKind, Guardrail, Handle};
use updraft_tests::{Harness, asked, named, soon};

const CHILD: &str = "steps:
  - {id: inner, action: tool.pause}
";

/// How often the thread of a shard asks for the time from the end of the first call to the end of the execution; after each of
/// these times it has panicked once.
async fn panics_everywhere(steps: &str, guardrail: Option<Form>) -> usize {
    let playbook = named("outer", steps);
    for passes in 0.. {
        let harness = Harness::default();
        let engine = harness.start().await;
        harness.put(&engine, &named("child", CHILD)).await;
        if let Some(guardrail) = &guardrail {
            let guardrail: Guardrail = serde_json::from_value(guardrail.clone()).unwrap();
            engine.guardrails().set(guardrail, asked()).await.unwrap();
        }
        let (clock, set) = (harness.clock.clone(), std::sync::Once::new());
        harness.tool.before_end(move |_| set.call_once(|| clock.trap_here_after(passes)));
        let handle = harness.submit(&engine, &playbook, json!({})).await;
        assert_ended(&handle, passes).await;
        let _ = soon(engine.shutdown(updraft_tests::timeouts::TEST_TIMEOUT)).await;
        if harness.clock.sprung() == 0 {
            return passes;
        }
    }
    unreachable!("an execution asks for the time without end")
}

async fn assert_ended(handle: &Handle, passes: usize) {
    let ended = soon(handle.wait()).await.unwrap_or_else(|lost| panic!("after {passes}: {lost}"));
    let failed = ended.state.error.map(|failure| failure.kind);
    let expected = match ended.state.execution_status {
        ExecutionStatus::Completed => None,
        _ => Some(FailureKind::Child),
    };
    assert_eq!(failed, expected, "after {passes}");
}

#[tokio::test]
async fn a_panic_at_any_place_loses_no_execution_of_steps() {
    let steps = "steps:
  - {id: ask, action: tool.pause}
  - {id: delay, delay: 1ms}
  - {id: last, action: tool.pause}
";
    assert!(panics_everywhere(steps, None).await > 5);
}

#[tokio::test]
async fn a_panic_at_any_place_loses_no_execution_that_waits_for_a_sub_playbook() {
    let steps = "steps:
  - {id: ask, action: tool.pause}
  - {id: child, playbook: child}
";
    assert!(panics_everywhere(steps, None).await > 5);
}

#[tokio::test]
async fn a_panic_at_any_place_loses_no_execution_that_waits_for_a_guardrail() {
    let steps = "steps:
  - {id: ask, action: tool.pause}
  - {id: capped, action: tool.pause}
";
    let guardrail = json!({"name": "few", "for": ["tool"], "cap": {"calls": 1000, "per": "1h"}});
    assert!(panics_everywhere(steps, Some(guardrail)).await > 5);
}
