//! What people and other programs ask of the random executions: answers, signals, pauses, skips, other ends of waits; and crashes. Each call checks what it came to.

use std::time::Duration;

use serde_json::json;
use updraft_protocol::{Applied, ControlKind, ControlRefusal, TaskDocument, TaskStatus, Wait, WaitKind};

use super::super::world::{World, asked};
use super::SIGNALS;
use crate::invariant;
use crate::machine::MachineEvent;

/// A person answers one of the approvals, of which some are decided; gives whether there is any. A decided one stays as
/// it is.
pub(super) fn answer(world: &mut World, choice: u8) -> bool {
    let tasks = world.tasks();
    let asked = |task: &&TaskDocument| task.state.wait.as_ref().is_some_and(|wait| wait.gate.is_some());
    let gates: Vec<&TaskDocument> = tasks.iter().filter(asked).collect();
    let Some(task) = gates.get(usize::from(choice) % gates.len().max(1)) else { return false };
    let (person, chosen) = (choice % 4, ["approve", "refuse", "approve", "later"][usize::from(choice / 4)]);
    let groups: &[&str] = if person == 2 { &["g"] } else { &[] };
    let has_form =
        task.state.wait.as_ref().and_then(|wait| wait.gate.as_deref()).is_some_and(|gate| gate.has_form);
    let data = has_form.then(|| json!({"n": choice / 4}));
    let fits = !has_form || choice / 4 <= 2;
    let reply = world.answer_with(task.task_request_id, &format!("p{person}"), groups, chosen, data);
    assert!(
        fits || !matches!(reply, Ok(Applied::Decided | Applied::Counted { .. })),
        "{reply:?} although it does not fit"
    );
    if task.state.status.ended() {
        assert!(matches!(reply, Ok(Applied::Repeated) | Err(_)), "{reply:?}");
        assert!(world.tasks().contains(task), "one answer is final");
    }
    assert_eq!(invariant::answered_as_asked(world.machine.plan(), &world.tasks()), Ok(()));
    true
}

/// A person pauses the execution, or lets it go on.
pub(super) fn hold(world: &mut World) {
    if world.machine.is_paused() {
        let pause = world.execution().state.pause.clone().unwrap();
        let is_asked = pause.cause.asked().is_some();
        assert_eq!(world.pause(), Ok(if is_asked { Applied::Repeated } else { Applied::Paused }));
        assert_eq!(world.go_on(), Ok(Applied::Resumed));
    } else {
        assert_eq!(world.go_on(), Err(ControlRefusal::NotPaused));
        if let Some(status) = world.machine.ending() {
            return assert_eq!(
                world.pause(),
                Err(ControlRefusal::Ended(status)),
                "what cleans up is not held"
            );
        }
        assert_eq!(world.pause(), Ok(Applied::Paused));
        assert!(world.waiting_calls.is_empty(), "no call waits for a permit");
    }
}

/// A signal comes, some of them twice. None is lost: each is kept, or was taken by one task.
pub(super) fn signal(world: &mut World, choice: u8, sent: &mut Vec<String>) {
    let number = sent.len().saturating_sub(usize::from((choice / 16).is_multiple_of(3)));
    let (id, name) = (format!("signal-{number}"), SIGNALS[number % 2]);
    let key = world.machine.head().input.value()["n"].to_string();
    let key = number.is_multiple_of(3).then_some(key.as_str());
    let again = sent.contains(&id);
    match world.signal(&id, name, key, json!({ "signal": id })) {
        Ok(Applied::Repeated) => assert!(again, "{id} is new"),
        Ok(Applied::Taken | Applied::Kept) => {
            assert!(!again, "{id} is applied once");
            sent.push(id);
        }
        Err(ControlRefusal::NoLongerAwaited(_)) => {
            let ended =
                |task: &TaskDocument| task.head.action.as_str() == "wait_for" && task.state.status.ended();
            assert!(world.tasks().iter().any(ended), "{id} is waited for");
        }
        Err(refusal) => assert!(matches!(refusal, ControlRefusal::NotAwaited(_)), "{refusal}"),
        Ok(other) => panic!("{other:?}"),
    }
    let kept = world.execution().state.signals.as_deref().map_or(0, |signals| signals.kept.len());
    let took = |task: &&TaskDocument| {
        let response = task.state.response.as_ref();
        response.is_some_and(|response| response.as_str().contains("signal-"))
            && task.head.action.as_str() == "wait_for"
            && task.head.taken_from.is_none()
    };
    let history = world.execution().state.controls.clone();
    let given = history.as_deref().map_or(0, |history| {
        history.newest.iter().filter(|record| record.kind == ControlKind::Signal).count()
    });
    assert_eq!(given, sent.len(), "each is recorded once");
    assert_eq!(kept + world.tasks().iter().filter(took).count(), sent.len(), "no signal is lost");
}

/// A paused execution of which nothing is left to happen goes on; whether it was one.
pub(super) fn go_on(world: &mut World, choice: u8) -> bool {
    let is_left = !world.attempts.is_empty() || (choice != 0 && !world.timers.is_empty());
    if !world.machine.is_paused() || is_left {
        return false;
    }
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    true
}

/// A person skips one of the tasks, of which some wait. An approval does not go on.
pub(super) fn skip(world: &mut World, choice: u8) {
    let tasks = world.tasks();
    let Some(task) = tasks.iter().rev().nth(usize::from(choice)) else { return };
    let may_operate = choice.is_multiple_of(2);
    let id = task.task_request_id;
    let reply = world.ask(MachineEvent::Skip { task: id, asked: asked(), may_operate });
    let is_gate = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Approval);
    if reply == Ok(Applied::Skipped) && is_gate {
        let after = world.tasks().into_iter().find(|task| task.task_request_id == id);
        // It may wait for the calls beside it, and is decided.
        let is_over = |wait: &Wait| wait.until.is_some_and(|until| until <= world.now);
        let is_decided = |task: TaskDocument| {
            task.state.status == TaskStatus::Failed
                || task.state.wait.as_ref().is_some_and(|wait| is_over(wait))
        };
        assert!(may_operate && after.is_some_and(is_decided));
    }
}

/// A person changes the end of the wait of a task; it is the end that is stored, whatever comes between.
pub(super) fn extend(world: &mut World, choice: u8) {
    let tasks = world.tasks();
    let Some(task) = tasks.iter().rev().nth(usize::from(choice)) else { return };
    let (id, until) = (task.task_request_id, world.now.after(Duration::from_secs(60 * u64::from(choice))));
    let reply = world.ask(MachineEvent::ExtendWait { task: id, until, asked: asked() });
    if reply == Ok(Applied::Extended) {
        let after = world.tasks().into_iter().find(|task| task.task_request_id == id).unwrap();
        assert_eq!(after.state.wait.and_then(|wait| wait.until), Some(until));
        assert!(!after.state.status.ended(), "a change of the end ends nothing");
    }
}

/// The process ends: what waited for a permit is made again.
pub(super) fn crash(world: &mut World) {
    let waiting_calls = world.waiting_calls.clone();
    world.crash();
    let tasks = world.tasks();
    // A branch that lost after the crash is cancelled with what waits in it.
    let ended =
        |task: &&TaskDocument| task.state.status.ended() && task.state.status != TaskStatus::Cancelled;
    let unsent = tasks.iter().filter(|task| waiting_calls.contains(&task.task_request_id));
    assert_eq!(unsent.filter(ended).count(), 0, "a waiting call is made again");
}
