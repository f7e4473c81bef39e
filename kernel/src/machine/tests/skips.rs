//! Skips: which waits end, how, and who may skip an approval.

use serde_json::json;
use updraft_protocol::{Applied, ControlRefusal, ExecutionStatus, FailureKind, TaskId};

use super::world::{World, act, asked, playbook};
use crate::machine::MachineEvent;

fn skip(world: &mut World, may_operate: bool) -> Result<Applied, ControlRefusal> {
    let task = world.tasks().last().unwrap().task_request_id;
    world.ask(MachineEvent::Skip { task, asked: asked(), may_operate })
}

#[test]
fn a_delay_and_a_wait_for_a_signal_go_on() {
    let steps = json!([{"id": "d", "delay": "2h"}, {"id": "w", "wait_for": "closed"}, act("a", json!({}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(skip(&mut world, false), Ok(Applied::Skipped));
    assert_eq!(world.statuses(), ["d:completed", "w:waiting"]);
    world.crash();
    assert_eq!(skip(&mut world, false), Ok(Applied::Skipped));
    assert_eq!(world.statuses(), ["d:completed", "w:completed", "a:executing"]);
    let d = world.tasks()[0].task_request_id;
    let again = world.ask(MachineEvent::Skip { task: d, asked: asked(), may_operate: true });
    assert_eq!(again, Err(ControlRefusal::Over(updraft_protocol::TaskStatus::Completed)));
    let running = skip(&mut world, true);
    assert!(matches!(running, Err(ControlRefusal::NotSkippable(_))), "{running:?}");
    let other = TaskId::from_bytes([9; 16]);
    let none = world.ask(MachineEvent::Skip { task: other, asked: asked(), may_operate: true });
    assert_eq!(none, Err(ControlRefusal::NotSkippable(other)));
}

#[test]
fn a_round_that_waits_begins_at_once_also_after_a_crash() {
    let polls = json!({"id": "poll", "until": "steps.look.output.done", "pause": "20m", "timeout": "2h",
        "do": [act("look", json!({"retry": {"attempts": 1}}))]});
    let mut world = World::begin(&playbook(json!([polls])), json!({}));
    let poll = world.tasks()[0].task_request_id;
    let event = || MachineEvent::Skip { task: poll, asked: asked(), may_operate: false };
    let running = world.ask(event());
    assert!(matches!(running, Err(ControlRefusal::NotSkippable(_))), "{running:?}");
    for crash in [false, true] {
        world.end("look", Ok(json!({"done": false})));
        assert!(world.attempts.is_empty());
        assert_eq!(world.ask(event()), Ok(Applied::Skipped));
        if crash {
            world.crash();
        }
        assert_eq!(world.attempts.len(), 1);
    }
    world.end("look", Ok(json!({"done": false})));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    assert_eq!(world.ask(event()), Ok(Applied::Skipped));
    world.crash();
    let before = world.now;
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    world.fire();
    assert_eq!((world.now, world.attempts.len()), (before, 1), "it does not wait again");
}

#[test]
fn an_approval_is_skipped_by_an_operator_alone_and_does_not_go_on() {
    let steps = json!([{"id": "ask", "approval": "Isolate?"}, act("isolate", json!({}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(skip(&mut world, false), Err(ControlRefusal::NotOperator));
    assert_eq!(world.statuses(), ["ask:waiting"]);
    assert_eq!(skip(&mut world, true), Ok(Applied::Skipped));
    assert_eq!(world.statuses(), ["ask:failed"]);
    let error = world.tasks()[0].state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Skipped);
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn an_attempt_that_waits_is_made_at_once_also_after_a_crash() {
    let steps = json!([act("a", json!({"retry": {"attempts": 3, "initial": "1h", "max": "1h"}}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Unreachable));
    assert_eq!(skip(&mut world, false), Ok(Applied::Skipped));
    assert_eq!(world.attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(), [2]);
    world.end("a", Err(FailureKind::Unreachable));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    assert_eq!(skip(&mut world, false), Ok(Applied::Skipped));
    world.crash();
    let before = world.now;
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    world.fire();
    assert_eq!((world.now, world.attempts.len()), (before, 1), "it does not wait again");
    world.end("a", Ok(json!(1)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}
