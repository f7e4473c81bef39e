//! The wait for configuration by example: it counts as no attempt, survives crashes, and ends.

use serde_json::json;
use updraft_protocol::limits::CONFIGURATION_WAIT;
use updraft_protocol::{ExecutionStatus, Failure, FailureKind, TaskStatus};

use super::world::{World, act, playbook};

fn missing() -> Failure {
    Failure::new(FailureKind::NotConfigured, "secret `edr` of tenant acme is missing")
}

fn waiting() -> World {
    let steps = json!([act("a", json!({"at_most_once": true, "retry": {"attempts": 1}}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.fail("a", missing());
    world
}

#[test]
fn what_is_missing_is_waited_for_and_is_no_attempt() {
    let mut world = waiting();
    let began = world.now;
    for _ in 0..5 {
        let task = &world.tasks()[0].state;
        assert_eq!((task.status, task.attempt), (TaskStatus::Retrying, 0));
        let wait = task.wait.clone().unwrap();
        assert_eq!((wait.since, wait.until), (began, Some(began.after(CONFIGURATION_WAIT))));
        world.fire();
        assert_eq!(world.attempts[0].attempt, 1);
        world.fail("a", missing());
    }
    world.fire();
    world.end("a", Ok(json!(1)));
    assert_eq!((world.statuses(), world.ends.len()), (vec!["a:completed".to_owned()], 1));
    world.assert_stored_is_current();
}

#[test]
fn a_later_life_looks_at_once_and_the_wait_is_the_same() {
    let mut world = waiting();
    let began = world.now;
    world.now = began.after(CONFIGURATION_WAIT / 2);
    world.crash();
    let looked = world.now;
    world.fire();
    assert_eq!(world.now, looked, "at once");
    world.fail("a", missing());
    let wait = world.tasks()[0].state.wait.clone().unwrap();
    assert_eq!(wait.since, began);
    // A shutdown during a check changes nothing of that.
    world.fire();
    let task = world.attempts[0].task;
    world.withdraw(task);
    world.crash();
    assert_eq!(world.tasks()[0].state.wait.clone().unwrap().since, began);
    assert_eq!(world.statuses(), ["a:retrying"]);
}

#[test]
fn when_its_time_is_over_the_step_fails_and_says_what_was_missing() {
    let mut world = waiting();
    let until = world.tasks()[0].state.wait.clone().unwrap().until;
    let mut looks = 0;
    while world.ends.is_empty() {
        world.fire();
        world.fail("a", missing());
        looks += 1;
    }
    assert_eq!(Some(world.now), until, "the last look is at the end");
    assert!((1_000..2_000).contains(&looks), "{looks} looks in a day");
    let error = world.tasks()[0].state.error.clone().unwrap();
    assert_eq!(error.message, "secret `edr` of tenant acme is missing; it was waited for 1d");
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn another_failure_in_between_ends_the_wait_and_the_next_is_a_wait_of_its_own() {
    let steps = json!([act("a", json!({"retry": {"attempts": 9}}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.fail("a", missing());
    world.fire();
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    world.now = world.now.after(CONFIGURATION_WAIT);
    let now = world.now;
    world.fail("a", missing());
    let wait = world.tasks()[0].state.wait.clone().unwrap();
    assert_eq!((wait.since, world.tasks()[0].state.attempt), (now, 1));
}
