//! Reruns of items that had begun, and of failures that the playbook only told of.

use serde_json::json;
use updraft_protocol::{ExecutionStatus, FailureKind};

use super::reruns::{called, once, rerun};
use super::world::{World, playbook};

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
