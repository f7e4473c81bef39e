//! Sub-playbooks: what starts them, what their end means, and what stops them.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::limits::{CHILD_DEPTH, CHILD_LOOK, CHILD_WAIT};
use updraft_protocol::{
    Applied, ControlRefusal, ExecutionId, ExecutionStatus, Failure, FailureKind, Json, Parent,
    PlaybookChoice, TaskId, Timestamp, WaitKind,
};

use super::world::{World, act, asked, playbook};
use crate::machine::{ChildReport, DefaultWaits, MachineEvent, StartChild};

/// A sub-playbook with these additional fields, and an action after it.
fn calling(more: &Value) -> World {
    let mut step = json!({ "id": "sub", "playbook": "enrich", "with": {"host": "{{ input.host }}"} });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let after = act("after", json!({"arguments": {"output": "{{ steps.sub.output | default(none) }}"}}));
    World::begin(&playbook(json!([step, after])), json!({"host": "h1"}))
}

fn sub(world: &World) -> TaskId {
    world.tasks()[0].task_request_id
}

fn ended(status: ExecutionStatus, output: Option<Value>, error: Option<Failure>) -> ChildReport {
    ChildReport::Ended { status, output: output.map(Json::from), error: error.map(Box::new) }
}

fn report(world: &mut World, report: ChildReport) {
    let task = sub(world);
    world.apply(MachineEvent::Child { task, report });
}

#[test]
fn a_step_that_does_not_say_how_long_waits_for_its_child_as_the_engine_says() {
    let waits = DefaultWaits { child: Duration::from_secs(180), ..DefaultWaits::default() };
    for (more, seconds) in [(json!({}), 180), (json!({"timeout": "7s"}), 7)] {
        let mut step = json!({"id": "sub", "playbook": "enrich"});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut world = World::begin_with(&playbook(json!([step])), json!({}), waits);
        let due = world.now.after(Duration::from_secs(seconds));
        assert_eq!(world.machine.idle_until(), Some(due));
        // The next engine has other defaults.
        world.crash();
        assert_eq!(world.machine.idle_until(), Some(due));
    }
}

#[test]
fn a_child_is_started_once_after_its_intent_and_its_end_is_that_of_the_task() {
    let mut world = calling(&json!({"target": "{{ input.host }}"}));
    let task = world.tasks()[0].clone();
    let wait = task.state.wait.clone().unwrap();
    let child = ExecutionId::of_child(task.task_request_id);
    assert_eq!((wait.kind, wait.subject.as_deref()), (WaitKind::Child, Some(&*child.to_string())));
    assert_eq!(task.state.call.as_ref().unwrap().target.as_deref(), Some("h1"));
    assert_eq!(world.machine.idle_until(), Some(wait.since.after(CHILD_WAIT)));
    let parent = Parent { peid: task.head.peid, task: task.task_request_id, depth: 1, waits: true };
    let start = StartChild {
        parent,
        playbook: PlaybookChoice::Named("enrich".parse().unwrap(), None),
        input: json!({"host": "h1"}).into(),
    };
    assert_eq!(world.started, vec![start.clone()]);
    world.crash();
    assert_eq!(world.started, vec![start.clone(), start], "it looks again after a crash");
    report(&mut world, ChildReport::Started);
    assert_eq!(world.statuses(), ["sub:waiting"]);
    report(&mut world, ended(ExecutionStatus::Completed, Some(json!({"score": 7})), None));
    assert_eq!(world.statuses(), ["sub:completed", "after:executing"]);
    assert_eq!(world.attempts[0].arguments, json!({"output": {"score": 7}}));
    report(&mut world, ended(ExecutionStatus::Failed, None, None));
    assert_eq!(world.statuses(), ["sub:completed", "after:executing"], "it is told once");
    world.assert_stored_is_current();
}

#[test]
fn a_failure_of_the_child_is_one_of_the_step_with_its_reason() {
    let failure = |kind| Some(Failure::new(kind, "step \"a\": no"));
    for (report_of, status, kind, message) in [
        (
            ended(ExecutionStatus::Failed, None, failure(FailureKind::Status)),
            "failed",
            FailureKind::Child,
            "no",
        ),
        (ended(ExecutionStatus::Cancelled, None, None), "failed", FailureKind::Child, "is cancelled"),
        (ended(ExecutionStatus::TimedOut, None, None), "failed", FailureKind::Expired, "timed out"),
        (
            ended(ExecutionStatus::Failed, None, failure(FailureKind::UnknownOutcome)),
            "unknown",
            FailureKind::UnknownOutcome,
            "no",
        ),
        (
            ChildReport::Refused(Failure::new(FailureKind::Child, "there is no playbook \"enrich\"")),
            "failed",
            FailureKind::Child,
            "there is no playbook",
        ),
    ] {
        let mut world = calling(&json!({}));
        report(&mut world, report_of);
        let task = &world.tasks()[0];
        let error = task.state.error.clone().unwrap();
        assert_eq!((task.state.status.as_str(), error.kind), (status, kind));
        assert!(error.message.contains(message), "{}", error.message);
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
    }
}

#[test]
fn a_child_that_is_left_running_gives_its_id() {
    let mut world = calling(&json!({"wait": false}));
    world.crash();
    report(&mut world, ChildReport::Started);
    let output = world.tasks()[0].state.response.clone().unwrap();
    assert_eq!(output.value().as_str(), Some(&*ExecutionId::of_child(sub(&world)).to_string()));
    assert_eq!(world.statuses(), ["sub:completed", "after:executing"]);
}

#[test]
fn a_child_over_its_time_is_stopped_and_waited_for() {
    for (end, statuses) in [
        (ExecutionStatus::Cancelled, ["sub:failed", "after:executing"]),
        // It ended before the cancel came to it.
        (ExecutionStatus::Completed, ["sub:completed", "after:executing"]),
    ] {
        let mut world = calling(&json!({"timeout": "1h", "on_timeout": "continue"}));
        world.fire();
        assert_eq!(
            (world.statuses(), world.stopped.clone()),
            (vec!["sub:waiting".to_owned()], vec![sub(&world)])
        );
        assert_eq!(world.machine.idle_until(), Some(world.now.after(CHILD_LOOK)));
        world.crash();
        world.fire();
        assert_eq!(world.stopped.len(), 2, "after a crash it is stopped again");
        report(&mut world, ended(end, None, None));
        assert_eq!(world.statuses(), statuses);
    }
}

#[test]
fn a_cancel_goes_down() {
    let mut world = calling(&json!({}));
    world.apply(MachineEvent::Cancel(None));
    assert_eq!(
        (world.statuses(), world.stopped.clone()),
        (vec!["sub:cancelled".to_owned()], vec![sub(&world)])
    );
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
}

#[test]
fn a_branch_that_lost_ends_when_its_child_has() {
    let branches = json!({
        "slow": [{"id": "sub", "playbook": "enrich"}, act("never", json!({}))], "fast": [act("quick", json!({}))]
    });
    for (end, status) in
        [(ExecutionStatus::Cancelled, "sub:cancelled"), (ExecutionStatus::Completed, "sub:completed")]
    {
        let both = json!({"id": "both", "parallel": "any", "branches": branches});
        let mut world = World::begin(&playbook(json!([both, act("after", json!({}))])), json!({}));
        world.end("quick", Ok(json!(1)));
        let task = world.task_of("sub");
        assert_eq!(world.stopped, [task]);
        world.crash();
        assert_eq!(world.stopped, [task, task]);
        assert!(world.statuses().contains(&"both:executing".to_owned()), "{:?}", world.statuses());
        world.apply(MachineEvent::Child { task, report: ended(end, None, None) });
        assert!(world.statuses().contains(&status.to_owned()), "{:?}", world.statuses());
        assert!(world.statuses().contains(&"after:executing".to_owned()), "{:?}", world.statuses());
        assert!(!world.statuses().iter().any(|status| status.starts_with("never")));
        world.assert_stored_is_current();
    }
}

#[test]
fn sub_playbooks_are_only_so_deep() {
    let parent = |depth| {
        let id = ExecutionId::from_bytes([7; 16]);
        Parent { peid: id, task: TaskId::from_bytes([8; 16]), depth, waits: true }
    };
    let steps = playbook(json!([{"id": "sub", "playbook": "p"}]));
    let world = World::begin_below(&steps, json!({}), parent(CHILD_DEPTH - 1));
    assert_eq!(world.started[0].parent.depth, CHILD_DEPTH);
    let world = World::begin_below(&steps, json!({}), parent(CHILD_DEPTH));
    assert!(world.started.is_empty());
    let error = world.tasks()[0].state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Child);
    assert!(error.message.contains("at most 8 deep"), "{}", error.message);
}

/// A cancelled execution ends its children first, then cleans up what they did.
#[test]
fn what_cleans_up_after_a_child_begins_when_the_child_has_ended() {
    let guarded = |cleanup: &Value| {
        let mut step = json!({"id": "sub", "playbook": "enrich"});
        step.as_object_mut().unwrap().extend(cleanup.as_object().unwrap().clone());
        step
    };
    let tidy = json!([act("tidy", json!({}))]);
    for playbook in [
        playbook(json!([{"do": [guarded(&json!({}))], "finally": tidy}])),
        playbook(json!([guarded(&json!({ "on_cancel": tidy }))])),
    ] {
        for crashes in [false, true] {
            let mut world = World::begin(&playbook, json!({}));
            let task = world.task_of("sub");
            world.apply(MachineEvent::Cancel(None));
            assert_eq!(world.stopped, [task]);
            assert!(world.statuses().contains(&"sub:waiting".to_owned()), "{:?}", world.statuses());
            assert!(world.attempts.is_empty() && world.ends.is_empty());
            if crashes {
                world.crash();
                assert_eq!(world.stopped, [task, task], "it is stopped again");
            }
            let report = ended(ExecutionStatus::Cancelled, None, None);
            world.apply(MachineEvent::Child { task, report });
            assert_eq!(world.attempts.len(), 1, "{:?}", world.statuses());
            if crashes {
                world.crash();
            }
            world.end("tidy", Ok(json!({})));
            assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
            assert!(world.statuses().contains(&"sub:cancelled".to_owned()), "{:?}", world.statuses());
            world.assert_stored_is_current();
        }
    }
}

#[test]
fn a_child_of_what_cleans_up_is_left_alone_by_a_cancel_and_stopped_when_its_time_is_over() {
    let mut steps = playbook(json!([act("a", json!({}))]));
    steps["finally"] = json!({"do": [{"id": "sub", "playbook": "undo-all"}], "timeout": "20s"});
    for is_overdue in [false, true] {
        let mut world = World::begin(&steps, json!({}));
        world.apply(MachineEvent::Cancel(None));
        let task = world.task_of("sub");
        world.crash();
        assert_eq!((world.started.len(), world.stopped.len()), (2, 0));
        let status = if is_overdue {
            world.fire();
            assert_eq!(world.stopped, [task]);
            assert!(world.ends.is_empty(), "it is waited for");
            ExecutionStatus::Cancelled
        } else {
            ExecutionStatus::Completed
        };
        world.apply(MachineEvent::Child { task, report: ended(status, None, None) });
        assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
        assert_eq!(world.tasks()[2].state.status.as_str(), status.as_str());
        let told = world.tasks()[0].state.error.clone().map(|error| error.kind);
        assert_eq!(told, is_overdue.then_some(FailureKind::Cleanup));
    }
}

#[test]
fn a_paused_execution_hears_of_its_child_and_goes_on_later() {
    let mut world = calling(&json!({"timeout": "1h"}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.fire();
    assert!(world.stopped.is_empty(), "its time passes, and nothing follows");
    world.crash();
    report(&mut world, ended(ExecutionStatus::Completed, None, None));
    assert_eq!(world.statuses(), ["sub:completed"]);
    world.crash();
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(world.statuses(), ["sub:completed", "after:executing"]);
}

#[test]
fn a_wait_for_a_child_is_not_skipped_as_the_child_would_go_on() {
    let mut world = calling(&json!({}));
    let task = sub(&world);
    let skip = MachineEvent::Skip { task, asked: asked(), may_operate: true };
    assert_eq!(world.ask(skip), Err(ControlRefusal::NotSkippable(task)));
    assert_eq!(world.statuses(), ["sub:waiting"]);
}

#[test]
fn a_child_that_does_not_end_is_asked_to_stop_again() {
    let mut world = calling(&json!({"timeout": "1h"}));
    world.fire();
    world.fire();
    assert_eq!((world.now, world.stopped.len()), (Timestamp(1_000_000).after(CHILD_LOOK * 2), 2));
    report(&mut world, ended(ExecutionStatus::Cancelled, None, None));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}
