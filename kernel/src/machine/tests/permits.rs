//! Permits by example: nothing is written of a waiting call; its end by a stop, a drain and a crash.

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, FailureKind, TaskStatus};

use super::world::{World, act, parallel, playbook};
use crate::machine::MachineEvent;

/// An action that acts at most once, and whose call waits for a permit first.
fn queue(id: &str, more: Value) -> Value {
    let mut step = act(id, more);
    step["action"] = json!("queue");
    step["at_most_once"] = json!(true);
    step
}

fn begin(steps: Value) -> World {
    World::begin(&playbook(steps), json!({}))
}

#[test]
fn a_crash_leaves_a_call_in_line_to_be_made() {
    let mut world = begin(json!([queue("a", json!({}))]));
    for _ in 0..3 {
        assert_eq!((world.statuses(), world.waiting_calls.len(), world.called.len()), (vec![], 1, 0));
        world.crash();
    }
    world.permit(Ok(()));
    assert_eq!((world.statuses(), world.called.len()), (vec!["a:executing".to_owned()], 1));
    assert_eq!(world.attempts[0].attempt, 1);
    world.crash();
    assert_eq!((world.statuses(), world.called.len()), (vec!["a:unknown".to_owned()], 1));
}

#[test]
fn the_second_attempt_stands_in_line_too() {
    let mut world = begin(json!([queue("a", json!({}))]));
    world.permit(Ok(()));
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    world.crash();
    assert_eq!(world.statuses(), ["a:retrying"]);
    world.fire();
    world.permit(Ok(()));
    world.end("a", Ok(json!(1)));
    assert_eq!((world.statuses(), world.called.len()), (vec!["a:completed".to_owned()], 2));
    assert_eq!(world.tasks()[0].state.attempt, 2);
}

#[test]
fn a_call_without_a_place_fails_its_attempt_and_has_not_acted() {
    let mut world = begin(json!([queue("a", json!({"retry": {"attempts": 2}}))]));
    world.permit(Err(FailureKind::Timeout));
    assert_eq!((world.statuses(), world.called.len()), (vec!["a:retrying".to_owned()], 0));
    world.fire();
    world.permit(Err(FailureKind::Unreachable));
    let task = &world.tasks()[0];
    assert_eq!((task.state.status, task.state.attempt), (TaskStatus::Failed, 2));
}

#[test]
fn a_call_in_line_takes_a_place_among_the_tasks_and_others_follow_it() {
    let mut plan = playbook(json!([parallel("all", [queue("a", json!({})), act("b", json!({}))])]));
    plan["tasks_at_once"] = json!(1);
    let mut world = World::begin(&plan, json!({}));
    assert_eq!((world.waiting_calls.len(), world.attempts.len(), world.machine.places()), (1, 0, (1, 1)));
    assert_eq!(world.machine.idle_until(), None, "it is not parked while a call waits");
    world.permit(Ok(()));
    world.end("a", Ok(json!(1)));
    world.end("b", Ok(json!(1)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn tasks_are_numbered_as_they_begin_and_not_as_they_stand_in_line() {
    let steps = json!([parallel("all", [queue("a", json!({})), act("b", json!({}))])]);
    let mut world = begin(steps);
    assert_eq!(world.statuses(), ["all:executing", "b:executing"]);
    world.crash();
    assert_eq!((world.waiting_calls.len(), world.attempts.len()), (1, 1));
    world.permit(Ok(()));
    assert_eq!(world.statuses(), ["all:executing", "b:executing", "a:executing"]);
}

#[test]
fn a_cancel_records_nothing_of_a_waiting_call() {
    let mut world = begin(json!([queue("a", json!({}))]));
    world.apply(MachineEvent::Cancel(None));
    world.permit(Ok(()));
    assert_eq!((world.statuses(), world.called.len()), (vec![], 0));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
}

#[test]
fn a_shutdown_leaves_a_call_in_line_to_a_later_life() {
    let mut world = begin(json!([queue("a", json!({}))]));
    world.machine.hold();
    assert_eq!(world.machine.places().0, 0);
    world.permit(Ok(()));
    assert_eq!((world.statuses(), world.called.len()), (vec![], 0));
    world.crash();
    world.permit(Ok(()));
    assert_eq!(world.called.len(), 1);
}
