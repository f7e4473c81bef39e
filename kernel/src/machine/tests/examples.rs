//! The machine by example: each kind of step, each ending, and how an execution continues after a crash.

use serde_json::json;
use updraft_protocol::limits::EXECUTION_OUTPUT_BYTES;
use updraft_protocol::{ExecutionStatus, Failure, FailureKind, TaskStatus, Timestamp, Update};

use super::world::{World, act, parallel, playbook};
use crate::machine::{MachineEvent, cancel_abandoned, fail_abandoned};

#[test]
fn steps_follow_each_other_and_the_last_gives_the_output() {
    let steps =
        json!([act("a", json!({})), act("b", json!({"arguments": {"seen": "{{ steps.a.output.n }}"}})),]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.statuses(), ["a:executing"]);
    world.end("a", Ok(json!({"n": 7})));
    assert_eq!(world.attempts[0].arguments, json!({"seen": 7}));
    world.end("b", Ok(json!("done")));
    assert_eq!(world.statuses(), ["a:completed", "b:completed"]);
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.execution().state.output, Some(json!("done").into()));
    world.assert_stored_is_current();
}

#[test]
fn what_end_steps_give_is_bounded_for_all_the_branches_together() {
    let branches = (0..200).map(|branch| json!({ "id": format!("e{branch}"), "end": "{{ input.text }}" }));
    let steps = json!([parallel("all", branches)]);
    let mut world = World::begin(&playbook(steps), json!({ "text": "x".repeat(200 << 10) }));
    world.turns();
    let kept: usize =
        world.tasks().iter().filter_map(|task| task.state.response.as_ref()).map(|r| r.as_str().len()).sum();
    assert!((1..=EXECUTION_OUTPUT_BYTES).contains(&kept), "{kept} bytes in one commit");
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn a_failed_attempt_is_retried_when_due_and_then_fails_its_path() {
    let steps = json!([act("a", json!({"retry": {"attempts": 2, "initial": "1s"}}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Timeout));
    assert_eq!(world.statuses(), ["a:retrying"]);
    world.fire();
    assert_eq!(world.attempts[0].attempt, 2);
    world.end("a", Err(FailureKind::Timeout));
    assert_eq!(world.statuses(), ["a:failed"]);
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!((error.kind, error.message.as_str()), (FailureKind::Timeout, "step \"a\": as the test says"));
}

#[test]
fn a_failure_that_cannot_pass_is_not_retried_and_takes_its_path() {
    let steps = json!([act(
        "a",
        json!({"on_failure": [act("b", json!({"arguments": {"why": "{{ steps.a.error.kind }}"}}))]})
    ),]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::InvalidResponse));
    assert_eq!(world.attempts[0].arguments, json!({"why": "invalid_response"}));
    world.end("b", Ok(json!(null)));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_parallel_step_joins_all_and_a_failed_branch_fails_it() {
    let steps = json!([
        {
            "id": "all", "parallel": "all",
            "branches": {"x": [act("x", json!({}))], "y": [act("y", json!({})), act("z", json!({}))]},
            "on_failure": [act("mend", json!({"arguments": {"z": "{{ steps.z.output }}"}}))],
        },
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.statuses(), ["all:executing", "x:executing", "y:executing"]);
    world.end("x", Err(FailureKind::Forbidden));
    world.end("y", Ok(json!(1)));
    assert!(world.ends.is_empty() && world.machine.status() == ExecutionStatus::Executing);
    world.end("z", Ok(json!(2)));
    assert_eq!(world.attempts[0].arguments, json!({"z": 2}));
    assert_eq!(world.tasks()[0].state.error.as_ref().unwrap().kind, FailureKind::Branch);
}

#[test]
fn after_a_crash_steps_still_see_what_joined_branches_did() {
    let steps = json!([
        parallel("all", [act("x", json!({})), act("y", json!({}))]),
        act("z", json!({"arguments": {"x": "{{ steps.x.output }}"}})),
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("y", Ok(json!(2)));
    world.end("x", Ok(json!(1)));
    world.crash();
    assert_eq!(world.attempts[0].arguments, json!({"x": 1}));
}

#[test]
fn a_branch_does_not_see_what_its_sibling_did() {
    let steps = json!([
        {
            "id": "all", "parallel": "all",
            "branches": {
                "x": [act("x", json!({}))],
                "y": [
                    act("y", json!({})),
                    {"id": "z", "if": "steps.y is defined", "then": [act("w", json!({}))]},
                ],
            },
        },
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("x", Ok(json!(1)));
    world.end("y", Ok(json!(1)));
    assert_eq!(world.attempts.len(), 1, "z saw y, which ended before it on its own path");
}

#[test]
fn a_condition_chooses_and_one_that_cannot_be_decided_fails() {
    let choice = |condition: &str| {
        playbook(json!([
            {"id": "c", "if": condition, "then": [act("yes", json!({}))], "else": [act("no", json!({}))]},
        ]))
    };
    let world = World::begin(&choice("input.score > 80"), json!({"score": 90}));
    assert_eq!(world.statuses(), ["c:completed", "yes:executing"]);
    let world = World::begin(&choice("input.score > 80"), json!({"score": 10}));
    assert_eq!(world.statuses(), ["c:completed", "no:executing"]);
    let world = World::begin(&choice("input.score > 80"), json!({}));
    assert_eq!((world.statuses(), world.ends), (vec!["c:failed".to_owned()], vec![ExecutionStatus::Failed]));
}

#[test]
fn an_end_step_gives_the_output_or_fails_the_path() {
    let end = playbook(json!([{"id": "e", "end": {"n": "{{ input.n }}"}}]));
    let world = World::begin(&end, json!({"n": 3}));
    assert_eq!(world.execution().state.output, Some(json!({"n": 3}).into()));
    let fail = json!([{"id": "e", "fail": "{{ input.n }} are too few", "output": {"n": "{{ input.n }}"}}]);
    let world = World::begin(&playbook(fail), json!({"n": 3}));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::EndStep);
    assert_eq!(error.message, "step \"e\": 3 are too few");
    assert_eq!(world.execution().state.output, Some(json!({"n": 3}).into()), "it says why");
    world.assert_stored_is_current();
}

#[test]
fn no_more_attempts_run_than_there_are_places() {
    let steps = json!([parallel("all", (0..25).map(|n| act(&format!("b{n}"), json!({}))))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    let mut ended = 0;
    while let Some(attempt) = world.attempts.first().cloned() {
        assert!(world.attempts.len() <= 10);
        world.attempts.remove(0);
        world.end_attempt(&attempt, Ok(json!(null)));
        ended += 1;
    }
    assert_eq!((ended, world.ends.len()), (25, 1));
}

#[test]
fn the_first_ending_wins_and_what_comes_after_changes_nothing() {
    let mut world = World::begin(&playbook(json!([act("a", json!({}))])), json!({}));
    let late = world.attempts[0].clone();
    world.apply(MachineEvent::Cancel(None));
    assert_eq!((world.statuses(), world.attempts.len()), (vec!["a:cancelled".to_owned()], 0));
    let stored = world.execution().clone();
    world.end_attempt(&late, Ok(json!(1)));
    world.apply(MachineEvent::Cancel(None));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
    assert_eq!(*world.execution(), stored);
}

#[test]
fn the_playbooks_time_ends_it() {
    let mut timed = playbook(json!([act("a", json!({}))]));
    timed["timeout"] = json!("1m");
    let mut world = World::begin(&timed, json!({}));
    world.crash();
    world.fire();
    assert_eq!(world.ends, [ExecutionStatus::TimedOut]);
    assert_eq!(world.execution().state.playbook_runtime, Some(60_000));
}

#[test]
fn a_crash_repeats_a_default_step_under_its_key() {
    let mut world = World::begin(&playbook(json!([act("a", json!({}))])), json!({}));
    world.crash();
    world.crash();
    let keys: Vec<_> = world.called.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys, [keys[0]; 3]);
    world.end("a", Ok(json!(1)));
    assert_eq!((world.statuses(), world.ends.len()), (vec!["a:completed".to_owned()], 1));
    world.assert_stored_is_current();
}

#[test]
fn a_crash_does_not_repeat_an_at_most_once_step() {
    let steps = json!([act("a", json!({"at_most_once": true, "on_unknown": [act("ask", json!({}))]}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.crash();
    assert_eq!(world.statuses(), ["a:unknown", "ask:executing"]);
    assert_eq!(world.called.iter().filter(|(step, _)| step == "a").count(), 1);
}

#[test]
fn a_crash_keeps_the_due_time_of_delays_and_retries() {
    let steps = json!([
        {"id": "d", "delay": "1h"},
        act("a", json!({"retry": {"attempts": 2, "initial": "10m", "max": "10m"}})),
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    let due = world.machine.idle_until();
    assert_eq!(due, Some(Timestamp(world.now.0 + 3_600_000)));
    world.now = Timestamp(world.now.0 + 60_000);
    world.crash();
    assert_eq!(world.machine.idle_until(), due);
    world.fire();
    world.end("a", Err(FailureKind::Timeout));
    let due = world.machine.idle_until();
    world.now = Timestamp(world.now.0 + 1_000);
    world.crash();
    assert_eq!(world.machine.idle_until(), due);
}

#[test]
fn a_held_machine_begins_nothing_and_its_successor_goes_on() {
    let steps = json!([act("a", json!({})), act("b", json!({"at_most_once": true}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.machine.hold();
    world.end("a", Ok(json!(1)));
    assert_eq!(world.statuses(), ["a:completed"]);
    world.crash();
    world.end("b", Ok(json!(2)));
    assert_eq!(world.statuses(), ["a:completed", "b:completed"]);
}

#[test]
fn an_execution_that_is_given_up_tells_which_of_its_tools_may_have_acted() {
    let steps = json!([parallel(
        "all",
        [act("a", json!({})), act("b", json!({"retry": {"attempts": 2}})), act("c", json!({}))]
    )]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("b", Err(FailureKind::Timeout));
    world.end("c", Ok(json!(1)));
    let failure = Failure::new(FailureKind::Supervision, "it panics");
    let (document, writes) = fail_abandoned(world.execution().clone(), &world.tasks(), 2, failure, world.now);
    assert_eq!(document.state.execution_status, ExecutionStatus::Failed);
    let ended = |writes: &[Update]| -> Vec<(TaskStatus, Option<FailureKind>)> {
        let tasks = writes.iter().filter_map(|write| match write {
            Update::Task(task) => {
                Some((task.state.status, task.state.error.as_ref().map(|error| error.kind)))
            }
            Update::Execution(_) => None,
        });
        tasks.collect()
    };
    let statuses = [TaskStatus::Cancelled, TaskStatus::Unknown, TaskStatus::Cancelled];
    assert_eq!(ended(&writes), statuses.map(|status| (status, Some(FailureKind::Supervision))));

    let (execution, asked) = (world.execution().clone(), Some(super::world::asked()));
    let (document, writes) = cancel_abandoned(execution, &world.tasks(), 2, asked, world.now);
    let history = document.state.controls.clone().unwrap();
    assert_eq!(history.newest[0].kind, updraft_protocol::ControlKind::Cancel);
    assert_eq!((document.state.execution_status, &document.state.error), (ExecutionStatus::Cancelled, &None));
    let why = [None, Some(FailureKind::UnknownOutcome), None];
    assert_eq!(ended(&writes), statuses.into_iter().zip(why).collect::<Vec<_>>());
}
