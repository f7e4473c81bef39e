//! `verify` by example: an action completes once a second call shows what it did.

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, FailureKind, TaskStatus};

use super::world::{World, act, playbook};

/// A `verify` for a random playbook.
pub(super) fn written(choice: u64) -> Value {
    let action = ["act", "queue"][(choice % 2) as usize];
    let pause = ["1s", "40s"][(choice / 2) as usize];
    json!({
        "action": action, "arguments": {"n": "{{ output.n }}"}, "until": "result.n > 3", "pause": pause,
        "at_most": 2, "within": "50s", "retry": {"attempts": 2}
    })
}

fn isolate(more: Value) -> Value {
    let mut fields = json!({
        "verify": {
            "action": "look", "arguments": {"job": "{{ output.job }}"}, "until": "result.state == 'isolated'",
            "pause": "10s", "at_most": 3, "retry": {"attempts": 1}
        },
        "undo": {"action": "act", "arguments": {"job": "{{ output.job }}"}},
        "retry": {"attempts": 1}
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    act("isolate", fields)
}

fn looks(world: &mut World, states: &[&str]) {
    for (number, state) in states.iter().enumerate() {
        if number > 0 {
            world.fire();
        }
        assert_eq!(world.attempts[0].arguments, json!({"job": 7}));
        world.end("look.isolate", Ok(json!({ "state": state })));
    }
}

#[test]
fn the_step_goes_on_once_its_call_shows_what_was_done_and_keeps_its_output() {
    let end = json!({"end": "{{ steps.isolate.output.job }}"});
    let mut world = World::begin(&playbook(json!([isolate(json!({})), end])), json!({}));
    world.end("isolate", Ok(json!({"job": 7})));
    looks(&mut world, &["pending", "pending", "isolated"]);
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.execution().state.output, Some(json!(7).into()));
    assert_eq!(world.now.0 - world.execution().head.createddate.0, 20_000);
}

#[test]
fn what_is_not_shown_fails_the_step_which_is_undone_all_the_same() {
    let mut world = World::begin(&playbook(json!([isolate(json!({}))])), json!({}));
    world.end("isolate", Ok(json!({"job": 7})));
    looks(&mut world, &["pending", "pending"]);
    world.crash();
    world.fire();
    world.end("look.isolate", Ok(json!({"state": "pending"})));
    // Nothing is waited for after the last look.
    assert_eq!(world.attempts[0].arguments, json!({"job": 7}));
    world.end("undo.isolate", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Unverified);
    assert!(error.message.contains("step \"verify.isolate\""), "{}", error.message);
}

#[test]
fn the_handlers_of_the_step_take_what_is_not_shown_and_a_look_that_fails() {
    let handled = isolate(json!({"on_failure": [{"id": "told", "end": "no"}]}));
    let steps = json!([handled, act("after", json!({}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("isolate", Ok(json!({"job": 7})));
    world.end("look.isolate", Err(FailureKind::Forbidden));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    let tasks = world.tasks();
    let of = |step: &str| tasks.iter().find(|task| task.head.step_id.as_str() == step).unwrap();
    assert_eq!(of("isolate").state.status, TaskStatus::Completed);
    let verify = &of("verify.isolate").state;
    assert_eq!(verify.error.as_ref().unwrap().kind, FailureKind::Unverified);
    assert_eq!(of("told").state.status, TaskStatus::Completed);
}

#[test]
fn what_is_not_shown_has_failed_for_all_that_read_the_step() {
    for (states, expected) in [
        (vec!["pending"; 3], json!({"status": "failed", "error": "unverified", "job": 7})),
        (vec!["pending", "isolated"], json!({"status": "completed", "error": "none", "job": 7})),
    ] {
        let end = json!({"end": {
            "status": "{{ steps.isolate.status }}", "error": "{{ steps.isolate.error.kind | default('none') }}",
            "job": "{{ steps.isolate.output.job }}"
        }});
        let steps = json!([isolate(json!({"on_failure": "continue"})), end]);
        let mut world = World::begin(&playbook(steps), json!({}));
        world.end("isolate", Ok(json!({"job": 7})));
        looks(&mut world, &states);
        assert_eq!(world.execution().state.output, Some(expected.into()));
    }
}
