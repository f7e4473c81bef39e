//! Undos before the end of an execution, by example.

use serde_json::{Value, json};
use updraft_protocol::limits::{CLEANUP, UNDO_BYTES};
use updraft_protocol::{ExecutionStatus, Failure, FailureKind, TaskStatus, UndoRecord, UndoStatus};

use super::world::{World, act, parallel, playbook};
use crate::invariant;
use crate::machine::{MachineEvent, cancel_abandoned};

/// An action whose undo names it, with what its output says.
fn done(id: &str, undo: Value) -> Value {
    let mut fields = json!({"undo": {"action": "act", "arguments": {"of": id, "n": "{{ output.n }}"}, "retry": {"attempts": 1}}});
    fields["undo"].as_object_mut().unwrap().extend(undo.as_object().unwrap().clone());
    act(id, fields)
}

fn begin(steps: Value) -> World {
    World::begin(&playbook(steps), json!({}))
}

/// The undo that is called, and nothing else is.
#[track_caller]
fn called(world: &World) -> Value {
    assert_eq!(world.attempts.len(), 1);
    let plan = world.machine.plan().clone();
    let step = plan.step(world.attempts[0].step).id.to_string();
    let arguments: Value = serde_json::from_str(&world.attempts[0].arguments.to_string()).unwrap();
    assert_eq!(step, format!("undo.{}", arguments["of"].as_str().unwrap()));
    arguments
}

fn told(world: &World, step: &str) -> Option<UndoRecord> {
    let tasks = world.tasks();
    let task = tasks.iter().find(|task| task.head.step_id.as_str() == step)?;
    task.state.undo.as_deref().cloned()
}

#[track_caller]
fn is_whole(world: &World, status: ExecutionStatus) {
    assert_eq!(world.ends, [status]);
    let (plan, tasks) = (world.machine.plan(), world.tasks());
    assert_eq!(invariant::undone_before_the_end(plan, world.execution(), &tasks), Ok(()));
    assert_eq!(invariant::ended_whole(world.execution(), &tasks), Ok(()));
}

#[test]
fn what_was_done_is_undone_in_reverse_order_of_completion_when_the_execution_fails() {
    let both = parallel("both", [done("a", json!({})), done("b", json!({}))]);
    let mut world = begin(json!([both, done("c", json!({})), {"fail": "no"}]));
    world.end("b", Ok(json!({"n": 1})));
    world.end("a", Ok(json!({"n": 2})));
    world.end("c", Ok(json!({"n": 3})));
    for (of, n) in [("c", 3), ("a", 2), ("b", 1)] {
        assert!(world.ends.is_empty());
        assert_eq!(called(&world), json!({"of": of, "n": n}));
        world.end(&format!("undo.{of}"), Ok(json!({})));
    }
    is_whole(&world, ExecutionStatus::Failed);
    assert_eq!(world.execution().state.error.as_ref().unwrap().kind, FailureKind::EndStep);
    assert_eq!(told(&world, "undo.a"), None);
}

#[test]
fn a_crash_at_any_point_undoes_each_once_in_the_same_order() {
    let both = parallel("both", [done("a", json!({})), done("b", json!({}))]);
    let steps = json!([both, {"fail": "no", "output": {"told": 1}}]);
    let mut world = begin(steps);
    world.end("b", Ok(json!({"n": 1})));
    world.crash();
    world.end("a", Ok(json!({"n": 2})));
    for of in ["a", "b"] {
        let key = world.attempts[0].task_id;
        world.crash();
        assert_eq!((called(&world)["of"].as_str(), world.attempts[0].task_id), (Some(of), key));
        world.apply(MachineEvent::Cancel(None));
        assert_eq!(called(&world)["of"], of, "no cancel reaches it");
        world.end(&format!("undo.{of}"), Ok(json!({})));
    }
    is_whole(&world, ExecutionStatus::Failed);
    assert_eq!(world.execution().state.output, Some(json!({"told": 1}).into()));
}

#[test]
fn each_end_undoes_what_asks_for_it_and_a_success_nothing() {
    let steps = json!([
        done("a", json!({"on": ["failure"]})),
        done("b", json!({"on": ["cancel"]})),
        act("last", json!({}))
    ]);
    let run = || {
        let mut world = begin(steps.clone());
        world.end("a", Ok(json!({"n": 1})));
        world.end("b", Ok(json!({"n": 2})));
        world
    };
    let mut world = run();
    world.end("last", Ok(json!({})));
    is_whole(&world, ExecutionStatus::Completed);
    let mut world = run();
    world.apply(MachineEvent::Cancel(None));
    assert_eq!(called(&world)["of"], "b");
    world.end("undo.b", Ok(json!({})));
    is_whole(&world, ExecutionStatus::Cancelled);
    assert_eq!(world.statuses()[2], "last:cancelled");
    let mut timed = playbook(steps.clone());
    timed["timeout"] = json!("1h");
    let mut world = World::begin(&timed, json!({}));
    world.end("a", Ok(json!({"n": 1})));
    world.crash();
    world.timers.retain(|(at, _)| at.0 > world.now.0 + 3_000_000);
    world.fire();
    assert_eq!(called(&world)["of"], "a", "what was under way is not known to have acted");
    world.end("undo.a", Ok(json!({})));
    is_whole(&world, ExecutionStatus::TimedOut);
}

#[test]
fn what_cannot_be_undone_is_told_and_the_others_are_undone() {
    let mut world = begin(json!([
        done("a", json!({})),
        done("b", json!({"arguments": {"of": "b", "n": "{{ output.none.n }}"}})),
        done("c", json!({})),
        {"fail": "no"}
    ]));
    for step in ["a", "b", "c"] {
        world.end(step, Ok(json!({"n": 1})));
    }
    world.end("undo.c", Err(FailureKind::Status));
    assert_eq!(called(&world)["of"], "a");
    world.end("undo.a", Ok(json!({})));
    is_whole(&world, ExecutionStatus::Failed);
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!((error.kind, error.message.ends_with("; 2 of 3 undos failed")), (FailureKind::EndStep, true));
    for (step, of, can) in [("undo.c", "c", true), ("undo.b", "b", false)] {
        let tasks = world.tasks();
        let acted = tasks.iter().find(|task| task.head.step_id.as_str() == of).unwrap();
        let told = told(&world, step).unwrap();
        assert_eq!((told.status, told.of), (UndoStatus::Failed, Some(acted.task_request_id)));
        assert_eq!((told.call.arguments.is_some(), told.reason.is_some()), (can, true));
        assert_eq!(*told.hold.unwrap().target, *format!("task {}", acted.task_request_id));
    }
}

#[test]
fn what_expires_is_released_and_the_reconciler_undoes_it() {
    let contained = json!({"expires": "4h", "target": "ws-17"});
    let mut step = done("a", json!({"on": ["failure", "asked"]}));
    step.as_object_mut().unwrap().extend(contained.as_object().unwrap().clone());
    let mut world = begin(json!([step, {"fail": "no"}]));
    world.end("a", Ok(json!({"n": 1})));
    is_whole(&world, ExecutionStatus::Failed);
    assert!(world.called.iter().all(|(step, _)| step == "a"), "it is not called here");
    let (before, after) = (told(&world, "a").unwrap(), told(&world, "undo.a").unwrap());
    assert_eq!((after.status, after.hold), (UndoStatus::Released, before.hold));
    assert!(world.tasks().last().unwrap().state.registration_due.is_some(), "it is registered");
}

#[test]
fn a_release_says_why_what_is_contained_cannot_be_undone() {
    let undo = json!({"arguments": {"of": "{{ output.none.n }}"}, "on": ["failure"]});
    let mut step = done("a", undo);
    (step["expires"], step["target"]) = (json!("4h"), json!("ws-17"));
    let mut world = begin(json!([step, {"fail": "no"}]));
    world.end("a", Ok(json!({"n": 1})));
    let (before, after) = (told(&world, "a").unwrap(), told(&world, "undo.a").unwrap());
    assert_eq!(after.status, UndoStatus::Released);
    assert!(before.reason.is_some() && after.reason == before.reason, "{after:?}");
}

#[test]
fn it_runs_after_what_runs_in_any_case_and_outside_of_the_time_of_the_execution() {
    let mut playbook = playbook(json!([done("a", json!({})), act("b", json!({}))]));
    playbook["finally"] = json!([done("last", json!({}))]);
    playbook["timeout"] = json!("1m");
    let mut world = World::begin(&playbook, json!({}));
    world.end("a", Ok(json!({"n": 1})));
    world.end("b", Err(FailureKind::Forbidden));
    world.end("last", Ok(json!({"n": 2})));
    assert_eq!(called(&world)["of"], "last", "what a `finally` did is undone too");
    world.now.0 += 3_600_000;
    world.crash();
    world.end("undo.last", Ok(json!({})));
    world.end("undo.a", Ok(json!({})));
    is_whole(&world, ExecutionStatus::Failed);
}

#[test]
fn items_that_have_left_memory_are_undone_too() {
    let each = json!({"id": "each", "for_each": "[5, 6, 7]", "at_once": 1, "do": [done("a", json!({}))]});
    let mut world = begin(json!([each, {"fail": "no"}]));
    (0..3).for_each(|n| world.end("a", Ok(json!({ "n": n }))));
    for n in (0..3).rev() {
        assert_eq!(called(&world), json!({"of": "a", "n": n}));
        if n == 1 {
            world.crash();
        }
        world.end("undo.a", Ok(json!({})));
    }
    is_whole(&world, ExecutionStatus::Failed);
    assert!(!world.machine.holds_all_tasks());
}

#[test]
fn no_step_acts_whose_undo_could_not_be_remembered() {
    let items = UNDO_BYTES / 4_000;
    let each = json!({
        "id": "each", "for_each": "input", "tolerate": "100%",
        "do": [done("a", json!({"arguments": {"of": "x".repeat(3_900)}}))]
    });
    let mut world = World::begin(&playbook(json!([each])), json!(vec![1; items]));
    while !world.machine.ended() {
        if world.attempts.is_empty() {
            world.fire();
        } else {
            world.end("a", Ok(json!({})));
        }
    }
    let refused = world.tasks();
    let refused: Vec<_> = refused.iter().filter(|task| task.state.status == TaskStatus::Failed).collect();
    assert!((100..500).contains(&refused.len()), "{}", refused.len());
    assert_eq!(refused[0].state.error.as_ref().unwrap().kind, FailureKind::TooLarge);
    is_whole(&world, ExecutionStatus::Completed);
}

#[test]
fn an_execution_that_cannot_continue_tells_what_is_left() {
    let steps = json!([done("a", json!({})), done("b", json!({})), {"fail": "no"}]);
    let mut world = begin(steps);
    world.end("a", Ok(json!({"n": 1})));
    world.end("b", Ok(json!({"n": 2})));
    let (document, tasks) = (world.execution().clone(), world.tasks());
    let (_, writes) = cancel_abandoned(document, &tasks, 9, None, world.now);
    let told = writes.iter().filter(|write| format!("{write:?}").contains("without its playbook"));
    assert_eq!(told.count(), 2, "{writes:#?}");
    world.apply(MachineEvent::Fail(Failure::new(FailureKind::Supervision, "it panics")));
    is_whole(&world, ExecutionStatus::Failed);
    for step in ["undo.a", "undo.b"] {
        assert_eq!(self::told(&world, step).unwrap().status, UndoStatus::Failed, "{step}");
    }
}

#[test]
fn an_undo_waits_for_its_secret_no_longer_than_a_cleanup_may_take() {
    let mut world = begin(json!([done("a", json!({})), {"fail": "no"}]));
    world.end("a", Ok(json!({"n": 1})));
    let began = world.now;
    let missing = || Failure::new(FailureKind::NotConfigured, "no secret").with_may_have_acted(false);
    while world.ends.is_empty() {
        world.fail("undo.a", missing());
        if world.ends.is_empty() {
            world.fire();
        }
    }
    assert_eq!(world.now.since(began), CLEANUP.as_millis() as u64);
    is_whole(&world, ExecutionStatus::Failed);
}
