//! Controls by example: what is recorded of them, and the change of the end of a wait.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::limits::SPAN;
use updraft_protocol::{
    Applied, Asked, ControlKind, ControlRecord, ControlRefusal, ExecutionStatus, FailureKind, Name, Signal,
    TaskDocument, Timestamp,
};

use super::world::{World, act, asked, playbook};
use crate::machine::MachineEvent;

const HOUR: Duration = Duration::from_secs(3_600);

fn task(world: &World, step: &str) -> TaskDocument {
    world.tasks().into_iter().find(|task| task.head.step_id.as_str() == step).unwrap()
}

fn extend(world: &mut World, step: &str, until: Timestamp) -> Result<Applied, ControlRefusal> {
    let task = task(world, step).task_request_id;
    world.ask(MachineEvent::ExtendWait { task, until, asked: asked() })
}

fn kinds(world: &World) -> Vec<ControlKind> {
    let history = world.execution().state.controls.clone().unwrap_or_default();
    history.newest.iter().map(|record| record.kind).collect()
}

fn one(step: Value) -> World {
    World::begin(&playbook(json!([step])), json!({}))
}

#[test]
fn each_control_that_is_applied_is_recorded_with_its_person_and_reason() {
    let mut world = one(json!({"id": "d", "delay": "2h"}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    assert_eq!(world.pause(), Ok(Applied::Repeated));
    world.crash();
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    let until = world.now.after(HOUR);
    assert_eq!(extend(&mut world, "d", until), Ok(Applied::Extended));
    let nobody = Asked { uid: "".into(), reason: "".into() };
    let name = Name::new("closed").unwrap();
    let signal = Signal { id: "1".into(), name, key: None, payload: json!(1).into() };
    let id = task(&world, "d").task_request_id;
    for event in [
        MachineEvent::ExtendWait { task: id, until: until.after(HOUR), asked: nobody.clone() },
        MachineEvent::Skip { task: id, asked: nobody.clone(), may_operate: true },
        MachineEvent::Signal(signal, nobody.clone()),
        MachineEvent::Pause(nobody),
    ] {
        assert_eq!(world.ask(event), Err(ControlRefusal::NotAsker));
    }
    let skipped = world.ask(MachineEvent::Skip { task: id, asked: asked(), may_operate: false });
    assert_eq!(skipped, Ok(Applied::Skipped));
    assert_eq!(
        kinds(&world),
        [ControlKind::Pause, ControlKind::Resume, ControlKind::ExtendWait, ControlKind::Skip]
    );
    let history = world.execution().state.controls.clone().unwrap();
    assert!(history.newest.iter().all(|record| record.asked == asked()));
    let of_tasks: Vec<_> = history.newest.iter().map(|record| (record.task, record.until)).collect();
    assert_eq!(of_tasks, [(None, None), (None, None), (Some(id), Some(until)), (Some(id), None)]);
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    world.assert_stored_is_current();
}

#[test]
fn each_signal_is_recorded_once_with_its_sender_and_its_id() {
    let steps = json!([{"id": "a", "wait_for": "opened"}, {"id": "b", "wait_for": "closed"}]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.signal("2", "closed", None, json!("a payload")), Ok(Applied::Kept));
    assert_eq!(world.signal("2", "closed", None, json!("a payload")), Ok(Applied::Repeated));
    assert!(world.signal("3", "shut", None, json!(1)).is_err());
    world.crash();
    assert_eq!(world.signal("1", "opened", None, json!(1)), Ok(Applied::Taken));
    let history = world.execution().state.controls.clone().unwrap();
    let given = |record: &ControlRecord| {
        let signal = record.signal.as_ref().unwrap();
        format!("{} {} {} {}", record.kind.as_str(), signal.name, signal.id, record.asked.uid)
    };
    let told: Vec<String> = history.newest.iter().map(given).collect();
    let uid = asked().uid;
    assert_eq!(told, [format!("signal closed 2 {uid}"), format!("signal opened 1 {uid}")]);
    world.assert_stored_is_current();
}

#[test]
fn a_wait_lasts_longer_or_shorter_also_after_a_crash() {
    for hours in [1, 5] {
        let mut world = one(json!({"id": "d", "delay": "3h"}));
        let until = world.now.after(HOUR * hours);
        assert_eq!(extend(&mut world, "d", until), Ok(Applied::Extended));
        assert_eq!(extend(&mut world, "d", until), Ok(Applied::Repeated));
        assert_eq!(world.machine.idle_until(), Some(until));
        world.crash();
        assert_eq!(world.machine.idle_until(), Some(until));
        world.fire();
        assert_eq!((world.now, &world.ends[..]), (until, &[ExecutionStatus::Completed][..]));
        assert_eq!(kinds(&world), [ControlKind::ExtendWait]);
    }
}

#[test]
fn the_timer_of_the_old_end_ends_nothing() {
    let mut world = one(json!({"id": "w", "wait_for": "closed", "timeout": "1h"}));
    let (began, until) = (world.now, world.now.after(HOUR * 2));
    assert_eq!(extend(&mut world, "w", until), Ok(Applied::Extended));
    world.fire();
    assert_eq!((world.now, world.statuses()), (began.after(HOUR), vec!["w:waiting".to_owned()]));
    while world.ends.is_empty() {
        world.fire();
    }
    let error = task(&world, "w").state.error.unwrap();
    assert_eq!((world.now, error.kind), (until, FailureKind::Expired));
    assert!(error.message.contains("within 2h"), "{error}");
}

#[test]
fn an_approval_with_bodies_beside_it_is_extended_and_they_go_on() {
    let remind = json!({"every": "30m", "do": [act("remind", json!({"arguments": {"until": "{{ approval.until }}"}}))]});
    let mut world = one(json!({"id": "ask", "approval": "Isolate?", "timeout": "1h", "on_reminder": remind}));
    let until = world.now.after(HOUR * 3);
    assert_eq!(extend(&mut world, "ask", until), Ok(Applied::Extended));
    world.crash();
    let mut reminders = 0;
    while world.ends.is_empty() {
        while let Some(attempt) = world.attempts.pop() {
            assert_eq!(attempt.arguments["until"], until.to_string().as_str());
            reminders += 1;
            world.end_attempt(&attempt, Ok(json!(null)));
        }
        world.fire();
    }
    assert_eq!((world.now, reminders), (until, 5));
    assert_eq!(task(&world, "ask").state.error.unwrap().kind, FailureKind::Expired);
}

#[test]
fn an_approval_whose_time_passed_in_a_pause_may_still_be_given_more() {
    let mut world = one(json!({"id": "ask", "approval": "Isolate?", "timeout": "1h"}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.now = world.now.after(HOUR * 2);
    let until = world.now.after(HOUR);
    assert_eq!(extend(&mut world, "ask", until), Ok(Applied::Extended));
    world.crash();
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.statuses(), ["ask:waiting"]);
    assert_eq!(world.machine.idle_until(), Some(until));
}

#[test]
fn it_is_refused_where_it_makes_no_sense() {
    let retry = json!({"retry": {"attempts": 3, "initial": "1h", "max": "1h"}});
    let mut world = World::begin(&playbook(json!([{"id": "d", "delay": "1h"}, act("a", retry)])), json!({}));
    for until in [world.now, Timestamp(0), world.now.after(SPAN).after(Duration::from_millis(1))] {
        assert_eq!(extend(&mut world, "d", until), Err(ControlRefusal::NotAhead(until)));
    }
    world.fire();
    let later = world.now.after(HOUR * 9);
    let completed = updraft_protocol::TaskStatus::Completed;
    assert_eq!(extend(&mut world, "d", later), Err(ControlRefusal::Over(completed)));
    assert!(matches!(extend(&mut world, "a", later), Err(ControlRefusal::NotExtendable(_))), "it runs");
    world.end("a", Err(FailureKind::Unreachable));
    let refused = extend(&mut world, "a", later);
    assert!(matches!(refused, Err(ControlRefusal::NotExtendable(_))), "{refused:?}");
    assert_eq!(kinds(&world), []);
}

#[test]
fn an_approval_is_given_more_time_and_never_less() {
    let handled = json!({"id": "ask", "approval": "Isolate?", "timeout": "2h", "on_timeout": "continue"});
    let mut world = one(handled);
    let until = world.now.after(HOUR);
    assert_eq!(extend(&mut world, "ask", until), Err(ControlRefusal::LessTime));
    assert_eq!((world.statuses(), kinds(&world)), (vec!["ask:waiting".to_owned()], Vec::new()));
    assert_eq!(extend(&mut world, "ask", until.after(HOUR * 2)), Ok(Applied::Extended));
}

#[test]
fn a_cancel_is_recorded_once_with_its_person_whether_something_cleans_up_or_not() {
    for cleanup in [json!({}), json!({"do": [act("tidy", json!({}))]})] {
        let mut book = playbook(json!([{"id": "d", "delay": "2h"}]));
        if cleanup["do"].is_array() {
            book["finally"] = cleanup;
        }
        let mut world = World::begin(&book, json!({}));
        world.apply(MachineEvent::Cancel(Some(asked())));
        let other = Asked { uid: "ben".into(), reason: "late".into() };
        world.apply(MachineEvent::Cancel(Some(other)));
        if world.ends.is_empty() {
            world.crash();
        }
        assert_eq!(kinds(&world), [ControlKind::Cancel]);
        assert_eq!(world.execution().state.controls.clone().unwrap().newest[0].asked, asked());
        while let Some(attempt) = world.attempts.pop() {
            world.end_attempt(&attempt, Ok(json!(null)));
        }
        assert_eq!(
            (kinds(&world), &world.ends[..]),
            (vec![ControlKind::Cancel], &[ExecutionStatus::Cancelled][..])
        );
        world.assert_stored_is_current();
    }
    let mut world = one(json!({"id": "d", "delay": "2h"}));
    world.apply(MachineEvent::Cancel(None));
    assert_eq!((kinds(&world), world.ends.len()), (Vec::new(), 1));
}
