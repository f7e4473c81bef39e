//! Reruns of items that had begun, and of failures that the playbook only told of.

use serde_json::json;
use updraft_protocol::{ExecutionStatus, FailureKind};

use super::reruns::{called, once, rerun};
use super::world::{World, playbook};
use crate::machine::MachineEvent;

/// The steps of which an attempt runs.
fn running(world: &World) -> Vec<String> {
    let plan = world.machine.plan();
    world.attempts.iter().map(|attempt| plan.step(attempt.step).id.to_string()).collect()
}

#[test]
fn items_that_had_begun_go_on_as_many_at_once_as_the_loop_says_and_in_their_order() {
    let branches = json!({"b": [once("b")], "c": [once("c")]});
    let body = json!([once("a"), {"id": "both", "parallel": "all", "branches": branches}]);
    let each = json!({"id": "each", "for_each": "[0, 1, 2, 3]", "as": "n", "at_once": 2, "do": body,
        "collect": "{{ n }}", "on_item_failure": "continue"});
    let mut world = World::begin(&playbook(json!([each])), json!({}));
    while let Some(step) = running(&world).first().cloned() {
        world.end(&step, if step == "a" { Ok(json!(1)) } else { Err(FailureKind::Status) });
    }
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!(taken, 4, "every `a` is taken over");
    for under_way in [2, 2, 2, 1] {
        again.crash();
        let steps = running(&again);
        assert_eq!(steps.iter().filter(|step| *step == "b").count(), under_way, "{steps:?}");
        let first = again.attempts[0].clone();
        again.end_attempt(&first, Ok(json!(1)));
        let other = again.attempts.iter().position(|other| other.task.0 == first.task.0 + 1);
        let other = again.attempts[other.unwrap()].clone();
        again.attempts.retain(|attempt| attempt.task != first.task && attempt.task != other.task);
        again.end_attempt(&other, Ok(json!(1)));
    }
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
    let output = serde_json::to_value(again.execution().state.output.clone().unwrap().value()).unwrap();
    assert_eq!((&output["completed"], &output["results"]), (&json!(4), &json!([0, 1, 2, 3])));
    again.assert_stored_is_current();
}

#[test]
fn a_failure_that_was_told_of_and_not_handled_runs_again() {
    let mut playbook = playbook(json!([once("broken"), once("after")]));
    playbook["catch"] = json!([once("ticket"), {"fail": "it is broken"}]);
    let mut world = World::begin(&playbook, json!({}));
    world.end("broken", Err(FailureKind::Status));
    world.end("ticket", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (0, vec!["broken"]));
    again.end("broken", Ok(json!(1)));
    again.end("after", Ok(json!(1)));
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
}

/// A loop over four items, one at once.
fn items(body: serde_json::Value) -> serde_json::Value {
    json!({"id": "each", "for_each": "[0, 1, 2, 3]", "as": "n", "at_once": 1, "do": body, "on_item_failure": "continue"})
}

/// Ends all that runs, the oldest first: the steps of these names fail.
fn run_on(world: &mut World, failing: &[&str]) -> Vec<String> {
    let mut ended = Vec::new();
    while let Some(step) = running(world).first().cloned() {
        let fails = failing.contains(&step.as_str());
        world.end(&step, if fails { Err(FailureKind::Status) } else { Ok(json!(1)) });
        ended.push(step);
    }
    ended
}

#[test]
fn results_behind_steps_that_are_decided_anew_are_taken_over_in_every_item() {
    let body = json!([
        {"if": "true", "then": [once("isolate")]},
        {"id": "no", "if": "false", "then": [once("nothing")]},
        {"while": "false", "do": [once("never")]},
        {"parallel": "all", "branches": {"b": [{"if": "true", "then": []}], "c": [once("told")]}},
        once("notify"),
    ]);
    let mut world = World::begin(&playbook(json!([items(body)])), json!({}));
    run_on(&mut world, &["notify"]);
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!(taken, 8, "of each item `isolate` and `told`");
    for _ in 0..4 {
        again.crash();
        assert_eq!(running(&again), ["notify"]);
        again.end("notify", Ok(json!(1)));
    }
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
}

#[test]
fn what_cleans_up_in_an_item_waits_for_no_room() {
    let body = json!([{"do": [once("a")], "finally": [once("z")]}, once("c")]);
    let mut world = World::begin(&playbook(json!([items(body)])), json!({}));
    run_on(&mut world, &["c"]);
    let (mut again, _) = rerun(&world, None);
    assert_eq!(running(&again), ["z", "z", "z", "z"]);
    for left in (0..4).rev() {
        again.end("z", Ok(json!(1)));
        let calls = running(&again);
        assert_eq!(calls.iter().filter(|step| *step == "c").count(), 1, "{left}: {calls:?}");
    }
    assert_eq!(run_on(&mut again, &[]), ["c", "c", "c", "c"]);
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_cancel_cleans_up_in_the_items_that_wait_for_room() {
    let body = json!([{"do": [once("a"), once("b")], "finally": [once("release")]}]);
    let mut world = World::begin(&playbook(json!([items(body)])), json!({}));
    run_on(&mut world, &["b"]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, running(&again)), (4, vec!["b".to_owned()]));
    again.apply(MachineEvent::Cancel(None));
    assert_eq!(run_on(&mut again, &[]), ["release"; 4]);
    assert_eq!(again.ends, [ExecutionStatus::Cancelled]);
    let late = again.tasks().into_iter().filter(|task| task.state.error.is_some()).count();
    assert_eq!(late, 0, "no cleanup has failed");
}

#[test]
fn items_wait_for_room_after_a_crash_too() {
    let branches = json!({"b": [once("b")], "c": [once("c")]});
    let body = json!([{"id": "both", "parallel": "all", "branches": branches}]);
    let mut world = World::begin(&playbook(json!([items(body)])), json!({}));
    run_on(&mut world, &["c"]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!(taken, 4);
    for _ in 0..4 {
        again.crash();
        assert_eq!(running(&again), ["c"]);
        again.end("c", Ok(json!(1)));
    }
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
}
