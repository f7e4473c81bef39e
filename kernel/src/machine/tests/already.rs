//! `already` by example: a call asks first, and what was so before is not undone.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::limits::UNDO_WITHIN;
use updraft_protocol::{ExecutionStatus, FailureKind, TaskStatus};

use super::world::{World, act, playbook};
use crate::invariant::undo_is_registered;

fn isolate(more: Value) -> Value {
    let mut fields = json!({
        "already": {
            "action": "look", "arguments": {"host": "{{ input.host }}"}, "if": "result.isolated",
            "retry": {"attempts": 1}
        },
        "undo": {"action": "act", "arguments": {"job": "{{ output.job }}"}},
        "retry": {"attempts": 1}
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    act("isolate", fields)
}

fn begin(steps: Value) -> World {
    World::begin(&playbook(steps), json!({"host": "ws-17"}))
}

fn asked(world: &mut World, answer: Value) {
    assert_eq!(world.attempts[0].arguments, json!({"host": "ws-17"}));
    world.end("already.isolate", Ok(answer));
}

#[test]
fn what_was_so_before_is_done_all_the_same_and_not_undone() {
    for (was_so, undos) in [(true, 0), (false, 1)] {
        let mut world = begin(json!([isolate(json!({})), {"fail": "no"}]));
        asked(&mut world, json!({"isolated": was_so}));
        // The answer counts that was given before the call: afterwards it is so in any case.
        world.crash();
        world.end("isolate", Ok(json!({"job": 7})));
        assert_eq!(world.attempts.len(), undos);
        if undos > 0 {
            world.end("undo.isolate", Ok(json!({})));
        }
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
    }
}

#[test]
fn whether_it_was_so_may_depend_on_more_than_the_answer() {
    for (condition, undos) in [("input.host == 'ws-17'", 0), ("input.host == 'other'", 1)] {
        let already = json!({
            "action": "look", "arguments": {"host": "{{ input.host }}"}, "if": condition, "retry": {"attempts": 1}
        });
        let mut world = begin(json!([isolate(json!({ "already": already })), {"fail": "no"}]));
        asked(&mut world, json!({}));
        world.end("isolate", Ok(json!({"job": 7})));
        assert_eq!(world.attempts.len(), undos);
        assert_eq!(undo_is_registered(world.machine.plan(), &world.tasks()), Ok(()));
    }
}

#[test]
fn a_containment_says_that_it_was_so_and_is_looked_at_later() {
    let contained = json!({"expires": "4h", "target": "{{ input.host }}"});
    for was_so in [true, false] {
        let mut world = begin(json!([isolate(contained.clone())]));
        asked(&mut world, json!({"isolated": was_so}));
        world.end("isolate", Ok(json!({"job": 7})));
        let state = &world.tasks()[1].state;
        assert_eq!(state.undo.as_ref().unwrap().was_so, was_so);
        assert_eq!(state.registration_due.unwrap() > world.now, was_so);
    }
}

#[test]
fn where_it_cannot_be_asked_nothing_is_done_and_the_step_has_failed() {
    let end = json!({"end": "{{ steps['already.isolate'].status }}"});
    for (answer, status) in
        [(Err(FailureKind::Unreachable), "\"failed\""), (Ok(json!({"isolated": 7})), "\"completed\"")]
    {
        let steps = json!([isolate(json!({"on_failure": [end.clone()]}))]);
        let mut world = begin(steps);
        world.end("already.isolate", answer);
        assert_eq!(world.ends, [ExecutionStatus::Completed]);
        assert_eq!(world.execution().state.output.as_ref().unwrap().as_str(), status);
        let called = world.tasks().into_iter().find(|task| task.head.step_id.as_str() == "isolate");
        if let Some(task) = called {
            let error = task.state.error.unwrap();
            assert_eq!(task.state.status, TaskStatus::Failed);
            assert!(error.message.starts_with("already.if: "), "{}", error.message);
        }
    }
}

#[test]
fn a_path_that_goes_on_to_the_step_asks_first() {
    let steps = json!([
        {"id": "first", "if": "true", "then": [{"id": "over", "delay": "1s"}], "next": "isolate"},
        isolate(json!({}))
    ]);
    let mut world = begin(steps);
    world.fire();
    asked(&mut world, json!({"isolated": true}));
    world.end("isolate", Ok(json!({"job": 7})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn an_undo_is_tried_again_no_longer_than_its_time() {
    for (more, within) in [(json!({}), UNDO_WITHIN), (json!({"within": "3m"}), Duration::from_secs(180))] {
        let mut undo = json!({
            "action": "act", "arguments": {}, "timeout": "2m",
            "retry": {"attempts": 100, "initial": "3m", "max": "3m"}
        });
        undo.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut world = begin(json!([act("a", json!({ "undo": undo })), {"fail": "no"}]));
        world.end("a", Ok(json!({})));
        let began = world.now;
        while world.ends.is_empty() {
            let attempt = world.attempts.remove(0);
            assert!(world.now < began.after(within), "no attempt begins after its time");
            assert_eq!(
                attempt.timeout,
                Duration::from_secs(120),
                "each has its whole time, after an outage too"
            );
            world.end_attempt(&attempt, Err(FailureKind::Unreachable));
            if world.ends.is_empty() {
                world.crash();
                world.fire();
            }
        }
        let error = world.tasks().pop().unwrap().state.error.unwrap();
        assert!(error.message.starts_with("not tried again after "), "{}", error.message);
    }
}
