//! Calls that guardrails hold back, by example: what is written of them, what a crash leaves, and what people decide.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::{
    Applied, ApprovalAnswer, ControlRefusal, ExecutionStatus, FailureKind, Gate, Name, StepId, TaskStatus,
    WaitKind,
};

use super::world::{World, act, playbook};
use crate::guardrail::{GuardrailSet, PlannedGuardrail};
use crate::machine::{CallHold, MachineEvent, pass_choices};

/// An execution whose call of `tool.act` is about to be made, of which a guardrail has a say.
fn guarded(more: Value) -> World {
    let mut world =
        World::begin(&playbook(json!([{"id": "first", "delay": "1s"}, act("a", more)])), json!({}));
    let form =
        serde_json::from_value(json!({"name": "few", "for": ["tool.act"], "kill_switch": true})).unwrap();
    let planned = PlannedGuardrail::checked(form, None).unwrap();
    world.guardrails = Arc::new(GuardrailSet::new([Arc::new(planned)]));
    world.machine.guard(&world.guardrails.clone());
    world.fire();
    assert_eq!((world.waiting_calls.len(), world.called.len()), (1, 0));
    world
}

fn few() -> Name {
    Name::new("few").unwrap()
}

fn hold(world: &mut World, hold: CallHold) {
    let task = world.waiting_calls.remove(0);
    world.apply(MachineEvent::HeldBack { task, hold: Box::new(hold) });
}

/// Holds the call back for a minute, of the hour that it may wait.
fn no_room(world: &mut World) {
    let look = world.now.after(Duration::from_secs(60));
    let longest = Duration::from_secs(3_600);
    hold(world, CallHold::Room { guardrail: few(), why: "it is full".to_owned(), look, longest });
}

fn ask(world: &mut World) {
    let gate = Gate {
        choices: pass_choices(),
        assignees: vec!["ana".into(), "bo".into()],
        groups: Vec::new(),
        quorum: 1,
        has_form: false,
        answers: Vec::new(),
    };
    let longest = Duration::from_secs(3_600);
    hold(world, CallHold::People { guardrail: few(), question: "May it?".to_owned(), gate, longest });
}

fn answer(world: &mut World, uid: &str, choice: &str) -> Result<Applied, ControlRefusal> {
    let task = world.tasks()[1].task_request_id;
    let choice = StepId::new(choice).unwrap();
    let answer = ApprovalAnswer { uid: uid.into(), groups: Vec::new(), choice, comment: None, data: None };
    world.ask(MachineEvent::Answer { task, answer })
}

#[test]
fn a_call_without_room_waits_and_is_told_of_and_asks_again() {
    let mut world = guarded(json!({}));
    no_room(&mut world);
    let state = world.tasks()[1].state.clone();
    let wait = state.wait.unwrap();
    assert_eq!((state.status, state.attempt, wait.kind), (TaskStatus::Retrying, 0, WaitKind::Guardrail));
    assert_eq!(
        (wait.subject.as_deref(), wait.until),
        (Some("few"), Some(wait.since.after(Duration::from_secs(3_600))))
    );
    assert!(state.error.unwrap().message.contains("it is full"));
    assert_eq!(
        world.machine.idle_until(),
        Some(world.now.after(Duration::from_secs(60))),
        "it may leave memory"
    );
    world.fire();
    assert_eq!(world.machine.guarded_call(world.waiting_calls[0]).unwrap().since, Some(wait.since));
    no_room(&mut world);
    world.crash();
    world.fire();
    world.permit(Ok(()));
    world.end("a", Ok(json!(1)));
    assert_eq!((world.tasks()[1].state.attempt, world.called.len()), (1, 1), "only calls are attempts");
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_call_that_finds_no_room_in_its_time_is_denied_and_was_never_made() {
    let mut world = guarded(json!({}));
    for _ in 0..59 {
        no_room(&mut world);
        world.fire();
    }
    no_room(&mut world);
    world.fire();
    no_room(&mut world);
    let state = &world.tasks()[1].state;
    let failure = state.error.as_ref().unwrap();
    assert_eq!((state.status, failure.kind), (TaskStatus::Failed, FailureKind::Denied));
    assert!(failure.message.contains("it was waited for 1h"), "{failure}");
    assert!(world.called.is_empty());
}

#[test]
fn a_refused_call_fails_at_once_and_is_not_tried_again() {
    let mut world = guarded(json!({"retry": {"attempts": 5}}));
    world.permit(Err(FailureKind::Denied));
    assert_eq!(world.statuses(), ["first:completed", "a:failed"]);
    assert!(world.called.is_empty());
}

#[test]
fn people_let_a_call_pass_and_what_they_said_is_kept_with_it() {
    let mut world = guarded(json!({"at_most_once": true}));
    ask(&mut world);
    assert_eq!(world.tasks()[1].state.status, TaskStatus::Waiting);
    world.crash();
    assert_eq!(answer(&mut world, "cy", "approve"), Err(ControlRefusal::NotAsked("cy".into())));
    assert_eq!(answer(&mut world, "ana", "approve"), Ok(Applied::Decided));
    assert_eq!(answer(&mut world, "ana", "approve"), Ok(Applied::Repeated));
    assert!(matches!(answer(&mut world, "bo", "refuse"), Err(ControlRefusal::Answered { .. })));
    world.crash();
    world.fire();
    let call = world.machine.guarded_call(world.waiting_calls[0]).unwrap();
    let (names, answers) = call.passed.unwrap();
    assert_eq!((names, &*answers[0].uid), ("few", "ana"));
    world.permit(Ok(()));
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    let call = world.machine.guarded_call(world.waiting_calls[0]).unwrap();
    assert_eq!(call.passed.map(|(names, _)| names), Some("few"), "further attempts have it too");
    world.permit(Ok(()));
    world.end("a", Ok(json!(1)));
    assert_eq!((world.ends.clone(), world.called.len()), (vec![ExecutionStatus::Completed], 2));
}

#[test]
fn people_who_refuse_and_people_who_are_silent_deny_the_call() {
    let mut world = guarded(json!({"on_failure": "continue"}));
    ask(&mut world);
    assert_eq!(answer(&mut world, "bo", "refuse"), Ok(Applied::Decided));
    let failure = world.tasks()[1].state.error.clone().unwrap();
    assert_eq!((failure.kind, world.called.len()), (FailureKind::Denied, 0));
    assert!(failure.message.starts_with("bo has not"), "{failure}");
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    let mut world = guarded(json!({}));
    ask(&mut world);
    world.fire();
    let failure = world.tasks()[1].state.error.clone().unwrap();
    assert_eq!((failure.kind, world.called.len()), (FailureKind::Denied, 0));
    assert!(failure.message.contains("within 1h"), "{failure}");
}

#[test]
fn a_cancel_ends_both_waits() {
    for asks in [false, true] {
        let mut world = guarded(json!({}));
        if asks {
            ask(&mut world)
        } else {
            no_room(&mut world)
        }
        world.apply(MachineEvent::Cancel(None));
        assert_eq!((world.ends.clone(), world.called.len()), (vec![ExecutionStatus::Cancelled], 0));
        assert_eq!(world.tasks()[1].state.status, TaskStatus::Cancelled);
    }
}
