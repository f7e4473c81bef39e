//! `finally` and `on_cancel` by example: what runs in any case, once, and changes no verdict.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::{Applied, ExecutionStatus, Failure, FailureKind, Update};

use super::world::{World, act, parallel, playbook};
use crate::machine::{MachineEvent, Timer, fail_abandoned};

fn once(id: &str) -> Value {
    act(id, json!({"retry": {"attempts": 1}}))
}

/// One step, and `tidy` in any case.
fn tidied(first: Value) -> Value {
    let mut playbook = playbook(json!([first]));
    playbook["finally"] =
        json!([act("tidy", json!({"arguments": {"a": "{{ steps.a.status|default('none') }}"}}))]);
    playbook
}

#[test]
fn it_runs_after_the_main_line_whatever_the_end_and_does_not_change_it() {
    let outcomes = [
        (Ok(json!({"n": 1})), ExecutionStatus::Completed, "completed"),
        (Err(FailureKind::Status), ExecutionStatus::Failed, "failed"),
    ];
    for (outcome, status, seen) in outcomes {
        for tidy in [Ok(json!({})), Err(FailureKind::Status)] {
            let mut world = World::begin(&tidied(once("a")), json!({}));
            world.end("a", outcome.clone());
            assert!(!world.machine.ended());
            assert_eq!(world.attempts[0].arguments, json!({"a": seen}), "it sees what came before");
            world.crash();
            world.end("tidy", tidy.clone());
            assert_eq!(world.ends, [status]);
            let state = world.execution().state.clone();
            assert_eq!(state.output.is_some(), status == ExecutionStatus::Completed);
            if let Some(error) = state.error {
                assert_eq!(error.message, "step \"a\": as the test says");
            }
            let told = world.tasks()[0].state.error.clone().map(|error| error.message);
            let is_told = told.is_some_and(|told| told.contains("its cleanup failed: step \"tidy\""));
            assert_eq!(is_told, tidy.is_err(), "its failure is told");
        }
    }
}

#[test]
fn the_end_of_a_call_that_was_withdrawn_is_not_that_of_the_call_made_again() {
    let tidied = json!({"do": [once("a")], "finally": [act("tidy", json!({"at_most_once": true}))]});
    let mut world = World::begin(&playbook(json!([tidied, once("b")])), json!({}));
    world.end("a", Ok(json!({})));
    let withdrawn = world.attempts.remove(0);
    world.machine.unsent(withdrawn.task);
    world.apply(MachineEvent::Cancel(None));
    let again = &world.attempts[0];
    assert_eq!((again.task, again.attempt), (withdrawn.task, withdrawn.attempt));
    let before = world.machine.task_documents();
    world.end_attempt(&withdrawn, Err(FailureKind::Unreachable));
    assert_eq!(world.machine.task_documents(), before, "a second call would begin beside the first");
    world.end("tidy", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
}

#[test]
fn it_runs_after_a_cancel_and_across_crashes_and_a_second_cancel_is_late() {
    for crash in [false, true] {
        let mut world = World::begin(&tidied(once("a")), json!({}));
        world.apply(MachineEvent::Cancel(None));
        assert_eq!(world.statuses(), ["finally_1:executing", "a:cancelled", "tidy:executing"]);
        assert_eq!(world.machine.ending(), Some(ExecutionStatus::Cancelled));
        if crash {
            world.crash();
        }
        world.apply(MachineEvent::Cancel(None));
        world.end("tidy", Ok(json!({})));
        assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
        assert_eq!(world.statuses(), ["finally_1:cancelled", "a:cancelled", "tidy:completed"]);
    }
}

#[test]
fn the_time_of_the_execution_is_not_its_time() {
    let mut playbook = tidied(once("a"));
    playbook["timeout"] = json!("10s");
    for crash in [false, true] {
        let mut world = World::begin(&playbook, json!({}));
        if crash {
            world.now = world.now.after(std::time::Duration::from_secs(11));
            world.crash();
        } else {
            world.apply(MachineEvent::TimerDue(Timer::Execution));
        }
        assert_eq!(world.machine.ending(), Some(ExecutionStatus::TimedOut));
        world.end("tidy", Ok(json!({})));
        assert_eq!(world.ends, [ExecutionStatus::TimedOut]);
    }
    // The end of the main line counts, although the time passes while it is tidied up.
    let mut world = World::begin(&playbook, json!({}));
    world.end("a", Ok(json!({})));
    world.now = world.now.after(std::time::Duration::from_secs(11));
    world.crash();
    world.apply(MachineEvent::TimerDue(Timer::Execution));
    world.end("tidy", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn it_has_a_time_of_its_own() {
    let mut playbook = playbook(json!([once("a")]));
    playbook["finally"] = json!({"do": [once("tidy")], "timeout": "20s"});
    let mut world = World::begin(&playbook, json!({}));
    world.end("a", Ok(json!({})));
    world.fire();
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.statuses(), ["finally_1:completed", "a:completed", "tidy:cancelled"]);
    let told = world.tasks()[0].state.error.clone().unwrap();
    assert_eq!(told.message, "its cleanup failed: it did not end within 20s");
}

/// The milliseconds that the cleanup of this task has.
fn left(world: &World, task: usize) -> u64 {
    world.tasks()[task].state.wait.as_ref().unwrap().until.unwrap().since(world.now)
}

#[test]
fn its_time_stands_still_while_the_execution_is_paused() {
    let cleanup = json!({"do": [once("a")], "finally": {"do": [once("one"), once("two")], "timeout": "20s"}});
    let mut world = World::begin(&playbook(json!([cleanup, once("after")])), json!({}));
    assert_eq!(world.pause(), Ok(Applied::Paused));
    world.end("a", Ok(json!({})));
    world.now = world.now.after(Duration::from_secs(600));
    world.crash();
    assert_eq!(world.go_on(), Ok(Applied::Resumed));
    assert_eq!(left(&world, 0), 20_000);
    world.end("one", Ok(json!({})));
    world.crash();
    world.end("two", Ok(json!({})));
    world.end("after", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.tasks()[0].state.error, None);
}

#[test]
fn it_has_its_time_after_a_pause_that_follows_another_or_that_a_cancel_ends() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let paused = json!({"id": "p", "action": "act", "integration": "tool", "on_last_failure": "pause",
        "retry": {"attempts": 1}});
    let cleanup = json!({"id": "body", "do": [once("a")],
        "finally": {"do": [once("one"), once("two")], "timeout": "5m"}});
    for is_cancelled in [false, true] {
        let steps = json!([parallel("all", [cleanup.clone(), paused.clone()])]);
        let mut world = World::begin(&playbook(steps), json!({}));
        world.end("p", Err(FailureKind::Status));
        assert!(world.machine.is_paused());
        world.end("a", Ok(json!({})));
        world.now = world.now.after(minutes(10));
        assert_eq!(world.pause(), Ok(Applied::Paused));
        world.now = world.now.after(minutes(20));
        if is_cancelled {
            world.apply(MachineEvent::Cancel(None));
        } else {
            assert_eq!(world.go_on(), Ok(Applied::Resumed));
        }
        assert_eq!(left(&world, 1), 300_000);
        world.end("one", Ok(json!({})));
        world.crash();
        world.end("two", Ok(json!({})));
        let told = world
            .tasks()
            .iter()
            .filter(|task| task.state.error.as_ref().is_some_and(|error| error.message.contains("cleanup")))
            .count();
        assert_eq!(told, 0);
    }
}

#[test]
fn a_body_inside_of_another_is_tidied_up_before_the_outer_one() {
    let inner = json!({"id": "if", "if": "1 == 1", "then": {"do": [once("a")], "finally": [once("in")]}});
    let mut world =
        World::begin(&playbook(json!([{"do": [inner, once("b")], "finally": [once("out")]}])), json!({}));
    world.apply(MachineEvent::Cancel(None));
    assert_eq!(world.attempts.len(), 1);
    world.end("in", Ok(json!({})));
    world.crash();
    world.end("out", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
    assert!(world.statuses().iter().all(|status| !status.starts_with("b:")), "{:?}", world.statuses());
}

#[test]
fn an_end_inside_of_the_body_ends_its_path_as_it_would_without_it() {
    let guarded =
        json!({"id": "if", "if": "1 == 1", "then": {"do": [{"end": 7}], "finally": [once("tidy")]}});
    let twice = json!({"do": [guarded, once("neither")], "finally": [once("outer")]});
    let last = json!({"do": [guarded], "finally": [once("outer")]});
    let round = json!({"while": "true", "at_most": 2, "do": [guarded]});
    for (first, cleanups, crash) in [
        (&guarded, &["tidy"][..], false),
        (&guarded, &["tidy"], true),
        (&twice, &["tidy", "outer"], false),
        (&twice, &["tidy", "outer"], true),
        (&last, &["tidy", "outer"], false),
        (&last, &["tidy", "outer"], true),
        (&round, &["tidy"], false),
        (&round, &["tidy"], true),
    ] {
        let mut world = World::begin(&playbook(json!([first, once("never")])), json!({}));
        for step in cleanups {
            if crash {
                world.crash();
            }
            world.end(step, Ok(json!({})));
        }
        assert_eq!(world.ends, [ExecutionStatus::Completed]);
        assert_eq!(world.execution().state.output, Some(json!(7).into()));
    }
}

#[test]
fn a_step_of_a_branch_that_lost_runs_what_follows_its_cancel() {
    let mut step = parallel("ask", [once("a"), once("b")]);
    step["parallel"] = json!("any");
    step["branches"]["a"][0]["on_cancel"] = json!([once("undo")]);
    let mut world = World::begin(&playbook(json!([step, once("last")])), json!({}));
    world.end("b", Ok(json!({})));
    assert_eq!(world.statuses(), ["ask:executing", "a:executing", "b:completed", "undo:executing"]);
    world.crash();
    world.end("undo", Ok(json!({})));
    assert_eq!(
        world.statuses(),
        ["ask:completed", "a:cancelled", "b:completed", "undo:completed", "last:executing"]
    );
    world.end("last", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn an_execution_that_cannot_continue_ends_at_once_while_it_tidies_up() {
    let mut world = World::begin(&tidied(once("a")), json!({}));
    world.apply(MachineEvent::Cancel(None));
    let failure = Failure::new(FailureKind::Supervision, "it panicked");
    world.apply(MachineEvent::Fail(failure));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
    assert_eq!(world.statuses(), ["finally_1:cancelled", "a:cancelled", "tidy:cancelled"]);
}

#[test]
fn an_execution_that_is_ended_from_its_documents_tells_that_it_did_not_clean_up() {
    let mut world = World::begin(&tidied(once("a")), json!({}));
    let told = |world: &World| {
        let failure = Failure::new(FailureKind::Supervision, "it panicked");
        let (_, writes) = fail_abandoned(world.execution().clone(), &world.tasks(), 2, failure, world.now);
        let id = world.tasks()[0].task_request_id;
        let tasks = writes.iter().filter_map(|write| match write {
            Update::Task(task) if task.task_id == id => task.state.error.clone(),
            _ => None,
        });
        tasks.map(|error| (error.kind, error.message)).next().unwrap()
    };
    let expected = (FailureKind::Cleanup, "its cleanup failed: it panicked".into());
    assert_eq!(told(&world), expected);
    world.apply(MachineEvent::Cancel(None));
    assert_eq!(told(&world), expected);
}

#[test]
fn a_pause_does_not_hold_what_cleans_up_before_an_end() {
    let mut world = World::begin(&tidied(once("a")), json!({}));
    world.pause().unwrap();
    world.end("a", Ok(json!({})));
    assert!(!world.machine.is_paused() && world.attempts.len() == 1);
    world.end("tidy", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn the_time_of_a_cleanup_that_passed_during_a_pause_ends_it_after_a_cancel() {
    let then = json!({"do": [once("a")], "finally": {"do": [once("tidy")], "timeout": "20s"}});
    let step = json!({"id": "if", "if": "1 == 1", "then": then});
    let mut world = World::begin(&playbook(json!([step, once("b")])), json!({}));
    world.end("a", Ok(json!({})));
    world.pause().unwrap();
    world.fire();
    assert!(world.timers.is_empty(), "its timer has fired, and counts later");
    world.apply(MachineEvent::Cancel(None));
    assert!(!world.machine.is_paused());
    world.fire();
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
}
