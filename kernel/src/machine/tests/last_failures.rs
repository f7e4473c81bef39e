//! Pause instead of fail: what is held, what ends the pause, and what follows.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::limits::LAST_FAILURE_WAIT;
use updraft_protocol::{Applied, ControlRefusal, ExecutionStatus, FailureKind, PauseCause, WaitKind};

use super::world::{World, act, asked, parallel, playbook};
use crate::machine::MachineEvent;

fn held(id: &str, more: Value) -> Value {
    let mut step = act(id, json!({"on_last_failure": "pause", "retry": {"attempts": 2}}));
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

/// The failures of two attempts, the last of them.
fn fail_twice(world: &mut World, step: &str) {
    world.end(step, Err(FailureKind::Unreachable));
    world.fire();
    world.end(step, Err(FailureKind::Unreachable));
}

fn cause(world: &World) -> PauseCause {
    assert!(world.machine.is_paused());
    world.execution().state.pause.clone().unwrap().cause.clone()
}

fn skip(world: &mut World, at: usize) -> Result<Applied, ControlRefusal> {
    let task = world.tasks()[at].task_request_id;
    world.ask(MachineEvent::Skip { task, asked: asked(), may_operate: false })
}

#[test]
fn a_person_mends_the_cause_and_the_step_begins_again_with_all_of_its_attempts() {
    let mut world = World::begin(&playbook(json!([held("a", json!({})), act("b", json!({}))])), json!({}));
    for number in 1..3 {
        fail_twice(&mut world, "a");
        assert_eq!((world.statuses(), world.attempts.len()), (vec!["a:waiting".to_owned()], 0));
        let PauseCause::LastFailure { task, step, message } = cause(&world) else { panic!("a failure") };
        assert_eq!((task, step.as_str()), (world.tasks()[0].task_request_id, "a"));
        assert_eq!(*message, *world.tasks()[0].state.error.clone().unwrap().message);
        world.crash();
        assert_eq!(world.statuses(), ["a:waiting"]);
        assert!(matches!(cause(&world), PauseCause::LastFailure { .. }), "{number}");
        assert_eq!(world.go_on(), Ok(Applied::Resumed));
        assert_eq!(world.go_on(), Err(ControlRefusal::NotPaused));
        assert_eq!(world.attempts[0].attempt, 2 * number + 1);
    }
    world.crash();
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    world.end("a", Ok(json!(1)));
    world.end("b", Ok(json!(2)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    world.assert_stored_is_current();
}

#[test]
fn a_resume_is_not_forgotten_by_a_crash() {
    let mut world = World::begin(&playbook(json!([held("a", json!({"action": "queue"}))])), json!({}));
    for _ in 0..2 {
        world.permit(Err(FailureKind::Unreachable));
        if !world.machine.is_paused() {
            world.fire();
        }
    }
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.waiting_calls.len(), 1);
    world.crash();
    world.fire();
    assert!(!world.machine.is_paused());
    world.permit(Ok(()));
    assert_eq!(world.attempts[0].attempt, 3);
}

#[test]
fn nobody_comes_and_the_step_fails_as_it_would_have() {
    for crashes in [false, true] {
        let steps = json!([held("a", json!({"on_failure": [act("told", json!({}))]}))]);
        let mut world = World::begin(&playbook(steps), json!({}));
        fail_twice(&mut world, "a");
        let until = world.now.after(LAST_FAILURE_WAIT);
        assert_eq!(world.machine.idle_until(), Some(until), "it leaves memory");
        if crashes {
            world.now = until;
            world.crash();
        }
        world.fire();
        assert_eq!((world.now, world.statuses()), (until, vec!["a:failed".into(), "told:executing".into()]));
        assert_eq!(world.tasks()[0].state.error.as_ref().unwrap().kind, FailureKind::Unreachable);
        world.assert_stored_is_current();
    }
}

#[test]
fn a_skip_gives_up_and_a_longer_wait_is_kept() {
    let steps = json!([held("a", json!({"on_failure": [act("told", json!({}))]}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    fail_twice(&mut world, "a");
    let (task, until) = (world.tasks()[0].task_request_id, world.now.after(2 * LAST_FAILURE_WAIT));
    let reply = world.ask(MachineEvent::ExtendWait { task, until, asked: asked() });
    assert_eq!((reply, world.machine.idle_until()), (Ok(Applied::Extended), Some(until)));
    world.crash();
    assert_eq!(world.machine.idle_until(), Some(until));
    assert_eq!(skip(&mut world, 0), Ok(Applied::Skipped));
    assert_eq!(world.statuses(), ["a:failed", "told:executing"]);
}

#[test]
fn what_is_held_together_begins_together_and_a_pause_lasts_as_long_as_one_of_them() {
    let branches = [held("a", json!({})), held("b", json!({})), act("c", json!({}))];
    let mut world = World::begin(&playbook(json!([parallel("all", branches)])), json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    world.end("b", Err(FailureKind::Forbidden));
    world.end("c", Ok(json!(null)));
    let of = |world: &World| match cause(world) {
        PauseCause::LastFailure { step, .. } => step.to_string(),
        PauseCause::Asked(asked) => asked.uid.to_string(),
    };
    assert_eq!(of(&world), "a");
    assert_eq!(skip(&mut world, 1), Ok(Applied::Skipped));
    assert_eq!((of(&world).as_str(), world.ends.len()), ("b", 0));
    world.crash();
    assert_eq!((of(&world).as_str(), world.attempts.len()), ("b", 0));
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_person_who_pauses_it_too_is_the_one_who_ends_the_pause() {
    let mut world = World::begin(&playbook(json!([held("a", json!({}))])), json!({}));
    fail_twice(&mut world, "a");
    assert_eq!(world.pause(), Ok(Applied::Paused));
    assert_eq!(world.pause(), Ok(Applied::Repeated));
    assert_eq!(cause(&world), PauseCause::Asked(asked()));
    while !world.timers.is_empty() {
        world.fire();
    }
    assert_eq!(world.statuses(), ["a:waiting"], "nothing is over while a person holds it");
    world.crash();
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.attempts[0].attempt, 3);
    // And the other way round: what fails during a pause is held too.
    world.end("a", Err(FailureKind::Unreachable));
    while world.attempts.is_empty() {
        world.fire();
    }
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.end("a", Err(FailureKind::Unreachable));
    assert_eq!((world.statuses(), cause(&world)), (vec!["a:waiting".into()], PauseCause::Asked(asked())));
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.attempts[0].attempt, 5);
}

#[test]
fn an_outcome_that_no_longer_counts_holds_nothing() {
    let both = json!({"id": "any", "parallel": "any", "branches": {
        "a": [held("a", json!({}))], "b": [act("b", json!({}))],
    }});
    let mut world = World::begin(&playbook(json!([both, act("c", json!({}))])), json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    assert!(world.machine.is_paused());
    world.end("b", Ok(json!(1)));
    assert!(!world.machine.is_paused());
    world.end("c", Ok(json!(1)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_cancel_and_the_time_of_the_execution_end_it() {
    let mut written = playbook(json!([held("a", json!({}))]));
    written["timeout"] = json!("1h");
    let mut world = World::begin(&written, json!({}));
    fail_twice(&mut world, "a");
    world.apply(MachineEvent::Cancel(Some(asked())));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
    let mut world = World::begin(&written, json!({}));
    fail_twice(&mut world, "a");
    assert!(world.machine.idle_until() < Some(world.now.after(Duration::from_secs(3601))));
    world.crash();
    world.fire();
    assert_eq!(
        (world.ends.clone(), world.statuses()),
        (vec![ExecutionStatus::TimedOut], vec!["a:cancelled".into()])
    );
}

#[test]
fn what_may_have_acted_once_is_unknown_and_what_cleans_up_fails() {
    let steps = json!([held("a", json!({"at_most_once": true}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Timeout));
    assert_eq!((world.statuses(), world.ends.len()), (vec!["a:unknown".to_owned()], 1));
    let mut written = playbook(json!([act("a", json!({}))]));
    written["on_last_failure"] = json!("pause");
    written["finally"] = json!([act("b", json!({}))]);
    let mut world = World::begin(&written, json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    assert!(world.machine.is_paused(), "as the playbook says");
    assert_eq!(skip(&mut world, 1), Ok(Applied::Skipped));
    world.end("b", Err(FailureKind::Forbidden));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn a_step_that_begins_again_waits_for_configuration_and_for_its_turn_without_losing_attempts() {
    let mut world = World::begin(&playbook(json!([held("a", json!({}))])), json!({}));
    fail_twice(&mut world, "a");
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    let task = world.attempts.remove(0).task;
    world.withdraw(task);
    world.crash();
    world.fire();
    let failure = updraft_protocol::Failure::new(FailureKind::NotConfigured, "no secret");
    world.fail("a", failure.with_may_have_acted(false));
    world.fire();
    world.end("a", Err(FailureKind::Unreachable));
    assert!(!world.machine.is_paused(), "it has another attempt");
    assert_eq!(world.tasks()[0].state.wait.as_ref().unwrap().kind, WaitKind::Retry);
    world.fire();
    world.end("a", Err(FailureKind::Unreachable));
    assert!(world.machine.is_paused());
}
