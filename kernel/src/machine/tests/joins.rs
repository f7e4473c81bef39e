//! The joins of `parallel` by example: what decides one, and what becomes of the branches that no longer count.

use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use super::world::{World, act, parallel, playbook};
use crate::machine::{MachineEvent, Timer};

/// Three branches, the join of which is this, and a step after it.
fn joined(join: Value, more: Value) -> Value {
    let mut step = parallel("ask", ["a", "b", "c"].map(|id| act(id, json!({"retry": {"attempts": 1}}))));
    step["parallel"] = join;
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let last = act("last", json!({"arguments": {"b": "{{ steps.b.status }}"}}));
    playbook(json!([step, last]))
}

#[test]
fn the_first_that_completes_decides_any_and_the_others_are_cancelled() {
    let mut world = World::begin(&joined(json!("any"), json!({})), json!({}));
    world.end("b", Err(FailureKind::Status));
    assert_eq!(world.attempts.len(), 2, "a failure decides nothing yet");
    world.end("c", Ok(json!({})));
    assert_eq!(
        world.statuses(),
        ["ask:completed", "a:cancelled", "b:failed", "c:completed", "last:executing"]
    );
    assert_eq!(world.attempts.len(), 1, "the call of the branch that lost is stopped");
    world.crash();
    assert_eq!(world.attempts[0].arguments["b"], json!("failed"));
    world.end("last", Ok(json!({})));
    assert!(world.machine.ended() && world.execution().state.error.is_none());
}

#[test]
fn so_many_have_to_complete_and_once_they_cannot_the_step_fails_at_once() {
    let mut world = World::begin(&joined(json!({"at_least": 2}), json!({})), json!({}));
    world.end("a", Ok(json!({})));
    assert_eq!(world.attempts.len(), 2);
    world.end("b", Ok(json!({})));
    assert_eq!(world.statuses()[3], "c:cancelled");

    let mut world = World::begin(&joined(json!({"at_least": 2}), json!({})), json!({}));
    world.end("a", Err(FailureKind::Status));
    world.end("b", Err(FailureKind::Status));
    assert!(world.machine.ended());
    let error = world.execution().state.error.clone().unwrap();
    assert!(error.message.contains("step \"ask\": step \"a\": as the test says"), "{error}");
    assert_eq!(world.statuses()[3], "c:cancelled");
}

#[test]
fn a_call_that_may_act_at_most_once_is_waited_for_although_it_lost() {
    let mut step = parallel("ask", [act("a", json!({"at_most_once": true})), act("b", json!({}))]);
    step["parallel"] = json!("any");
    step["branches"]["a"] = json!([step["branches"]["a"][0], act("after", json!({}))]);
    let playbook = playbook(json!([step, act("last", json!({}))]));
    let mut world = World::begin(&playbook, json!({}));
    world.end("b", Ok(json!({})));
    assert_eq!(world.statuses(), ["ask:executing", "a:executing", "b:completed"]);
    world.crash();
    assert_eq!(world.statuses(), ["ask:completed", "a:unknown", "b:completed", "last:executing"]);

    let mut world = World::begin(&playbook, json!({}));
    world.end("b", Ok(json!({})));
    world.end("a", Ok(json!({})));
    assert_eq!(world.statuses(), ["ask:completed", "a:completed", "b:completed", "last:executing"]);
    assert_eq!(world.attempts.len(), 1, "nothing follows in the branch that lost");
}

#[test]
fn what_waits_in_a_branch_that_lost_does_not_begin() {
    let queued = |id: &str| json!({"id": id, "integration": "tool", "action": "queue"});
    let mut step = parallel("ask", [queued("a"), json!({"id": "b", "delay": "1m"}), act("c", json!({}))]);
    step["parallel"] = json!("any");
    let mut world = World::begin(&playbook(json!([step])), json!({}));
    assert_eq!(world.waiting_calls.len(), 1);
    world.end("c", Ok(json!({})));
    assert!(world.machine.ended() && world.waiting_calls.is_empty());
    assert_eq!(world.statuses(), ["ask:completed", "b:cancelled", "c:completed"]);
}

#[test]
fn a_crash_between_a_decision_and_the_step_that_follows_decides_the_same() {
    let mut step = json!({
        "id": "ask", "parallel": "any",
        "branches": {
            "slow": [act("first", json!({})), act("second", json!({}))],
            "quick": [{"id": "quick", "delay": "1s"}],
        },
    });
    step["next"] = json!("last");
    let mut world = World::begin(&playbook(json!([step, act("last", json!({}))])), json!({}));
    world.end("first", Ok(json!({})));
    world.fire();
    assert_eq!(
        world.statuses(),
        ["ask:completed", "quick:completed", "first:completed", "second:cancelled", "last:executing"]
    );
    let before = world.tasks().len();
    world.crash();
    assert_eq!((world.tasks().len(), world.attempts.len()), (before, 1));
}

#[test]
fn a_loop_that_lost_while_its_next_items_were_put_off_ends_when_its_last_call_has() {
    let once = act("once", json!({"at_most_once": true}));
    // Deciding this takes more of a turn than opening an item, so that it is an item's end that uses the turn up.
    let costly = json!({"if": "input.many|sum > 0", "then": []});
    let cases = json!([{"is": 0, "do": [once]}, {"is": 1, "do": [act("b", json!({}))]}]);
    let calls = json!({"switch": "item", "cases": cases, "default": [costly]});
    let each = json!({"id": "all", "for_each": "input.many", "do": [calls], "at_once": 2});
    let quick = json!({"id": "quick", "delay": "1h"});
    let step = json!({"id": "ask", "parallel": "any", "branches": {"slow": [each], "quick": [quick]}});
    let many: Vec<u32> = (0..5_000).collect();
    let mut world = World::begin(&playbook(json!([step])), json!({"many": many}));
    let delay = world.timers.iter().position(|(_, timer)| matches!(timer, Timer::Task(_))).unwrap();
    let (due, delay) = world.timers.remove(delay);
    world.end("b", Ok(json!({})));
    assert!(world.timers.iter().any(|(_, timer)| *timer == Timer::Turn), "further items are put off");
    world.now = due;
    world.apply(MachineEvent::TimerDue(delay));
    assert!(!world.machine.ended(), "the call that may act at most once is waited for");
    world.end("once", Ok(json!({})));
    assert!(world.machine.ended(), "nothing is left to wait for");
}
