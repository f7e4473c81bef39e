//! Pauses: what may end meanwhile, that nothing begins, and what is due when the execution goes on.

use serde_json::json;
use updraft_protocol::limits::{COMMENT_BYTES, PAUSE_LOOK};
use updraft_protocol::{Applied, Asked, ControlRefusal, ExecutionStatus};

use super::world::{World, act, asked, parallel, playbook};
use crate::machine::MachineEvent;

#[test]
fn what_runs_ends_and_nothing_follows_until_the_execution_goes_on() {
    let steps = json!([act("a", json!({})), act("b", json!({}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    assert_eq!(world.pause(), Ok(Applied::Repeated));
    assert_eq!(world.machine.idle_until(), None, "an attempt runs");
    world.end("a", Ok(json!(1)));
    assert_eq!(world.statuses(), ["a:completed"]);
    let pause = world.execution().state.pause.clone().unwrap();
    assert_eq!(
        (world.execution().state.execution_status, pause.cause.asked()),
        (ExecutionStatus::Paused, Some(&asked()))
    );
    assert_eq!(world.machine.idle_until(), Some(pause.since.after(PAUSE_LOOK)), "it leaves memory");
    world.crash();
    assert_eq!((world.statuses(), world.attempts.len()), (vec!["a:completed".to_owned()], 0));
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.go_on(), Err(ControlRefusal::NotPaused));
    world.end("b", Ok(json!(2)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    world.assert_stored_is_current();
}

#[test]
fn a_crash_of_a_paused_execution_makes_no_attempt_again() {
    let mut world = World::begin(&playbook(json!([act("a", json!({}))])), json!({}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.crash();
    assert_eq!((world.statuses(), world.attempts.len()), (vec!["a:executing".to_owned()], 0));
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    world.end("a", Ok(json!(null)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn an_instant_that_passes_meanwhile_is_due_when_it_goes_on_and_a_signal_is_taken_at_once() {
    let waits = [
        json!({"id": "long", "delay": "1h"}),
        json!({"id": "told", "wait_for": "closed", "timeout": "2h"}),
        json!({"id": "late", "wait_for": "opened", "timeout": "3h"}),
    ];
    let steps = json!([parallel("all", waits), {"id": "after", "delay": "1h"}]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    while !world.timers.is_empty() {
        world.fire();
    }
    assert_eq!(world.statuses()[1..], ["late:waiting", "long:executing", "told:waiting"]);
    assert_eq!(world.signal("1", "closed", None, json!(1)), Ok(Applied::Taken));
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    world.fire();
    world.fire();
    assert_eq!(world.statuses()[1..], ["late:failed", "long:completed", "told:completed"]);
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn a_call_that_waits_for_its_permit_asks_again_when_it_goes_on() {
    let steps = json!([act("a", json!({"action": "queue"}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.waiting_calls.len(), 1);
    assert_eq!(world.pause(), Ok(Applied::Paused));
    assert_eq!((world.waiting_calls.len(), world.machine.places().0), (0, 0));
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    world.permit(Ok(()));
    world.end("a", Ok(json!(null)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_paused_execution_is_cancelled_and_ends_at_its_deadline() {
    let mut written = playbook(json!([act("a", json!({}))]));
    written["timeout"] = json!("1h");
    let mut world = World::begin(&written, json!({}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.apply(MachineEvent::Cancel(None));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
    let mut world = World::begin(&written, json!({}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.crash();
    assert_eq!(
        world.machine.idle_until(),
        Some(world.now.after("1h".parse::<updraft_protocol::Span>().unwrap().0))
    );
    world.fire();
    assert_eq!(world.ends, [ExecutionStatus::TimedOut]);
}

#[test]
fn nobody_pauses_without_a_name_and_a_reason_or_with_one_that_is_too_long() {
    let mut world = World::begin(&playbook(json!([act("a", json!({}))])), json!({}));
    let long = "x".repeat(COMMENT_BYTES + 1);
    for (uid, reason) in [("", "why"), (" ", "why"), ("ana", ""), ("ana", " "), ("ana", long.as_str())] {
        let asked = Asked { uid: uid.into(), reason: reason.into() };
        assert_eq!(world.ask(MachineEvent::Pause(asked.clone())), Err(ControlRefusal::NotAsker));
        assert_eq!(world.ask(MachineEvent::Resume(asked)), Err(ControlRefusal::NotAsker));
    }
    assert!(!world.machine.is_paused());
}
