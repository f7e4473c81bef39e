//! `while` and `until` by example: polling, what rounds hand on, their bounds, and a crash between two of them.

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, FailureKind, TaskDocument, WaitKind};

use super::world::{World, act, playbook};

/// Polls a tool until it says that it is done.
fn polling(more: Value) -> Value {
    let mut step = json!({
        "id": "poll", "until": "steps.check.output.done", "pause": "30s",
        "do": [act("check", json!({"retry": {"attempts": 1}}))],
        "carry": {"seen": {"first": 0, "then": "{{ seen + 1 }}"}, "last": {"then": "{{ steps.check.output.at }}"}},
    });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn task(world: &World, step: &str) -> TaskDocument {
    world.tasks().into_iter().find(|task| task.head.step_id.as_str() == step).unwrap()
}

fn output(world: &World) -> Value {
    serde_json::from_str(task(world, "poll").state.response.unwrap().as_str()).unwrap()
}

#[test]
fn a_tool_is_polled_until_it_is_done_and_what_rounds_carry_is_the_output() {
    let mut world = World::begin(&playbook(json!([polling(json!({}))])), json!({}));
    for (at, done) in [("a", false), ("b", false), ("c", true)] {
        world.end("check", Ok(json!({"done": done, "at": at})));
        if !done {
            assert!(world.attempts.is_empty(), "the next round begins after the pause");
            let wait = task(&world, "poll").state.wait.unwrap();
            assert_eq!((wait.kind, wait.until.unwrap().since(world.now)), (WaitKind::Round, 30_000));
            assert_eq!(world.machine.idle_until(), wait.until);
            world.fire();
        }
    }
    assert!(world.machine.ended());
    assert_eq!(output(&world), json!({"rounds": 3, "carry": {"seen": 3, "last": "c"}}));
    assert_eq!(world.machine.task_documents().len(), 1, "rounds that have ended leave memory");
}

#[test]
fn an_end_in_a_round_ends_the_path_that_the_loop_is_on() {
    let look = |id: &str| act(id, json!({"retry": {"attempts": 1}}));
    let gone = json!({"if": "steps.look.output.gone", "then": [{"end": "gone"}]});
    let inner = json!({"while": "true", "at_most": 3, "do": [look("look"), gone]});
    let outer = json!({"while": "true", "at_most": 3, "do": [inner, look("inside")]});
    let guarded = json!({"do": [outer], "finally": [look("tidy")]});
    for crash in [false, true] {
        let mut world = World::begin(&playbook(json!([guarded, look("after")])), json!({}));
        for (step, gone) in [("look", false), ("look", true), ("tidy", false)] {
            world.end(step, Ok(json!({"gone": gone})));
            if crash && !world.machine.ended() {
                world.crash();
            }
        }
        assert_eq!(world.ends, [ExecutionStatus::Completed]);
        assert_eq!(world.execution().state.output, Some(json!("gone").into()));
        world.assert_stored_is_current();
    }
}

#[test]
fn a_crash_in_a_pause_keeps_its_instant_and_one_after_it_repeats_no_round() {
    let mut world = World::begin(&playbook(json!([polling(json!({}))])), json!({}));
    world.end("check", Ok(json!({"done": false, "at": 1})));
    let due = world.machine.idle_until().unwrap();
    world.now = world.now.after(std::time::Duration::from_secs(7));
    world.crash();
    assert_eq!(world.machine.idle_until(), Some(due));
    world.fire();
    let key = world.attempts[0].task_id;
    world.crash();
    assert_eq!((world.attempts.len(), world.attempts[0].task_id), (1, key));
    world.end("check", Ok(json!({"done": true, "at": 2})));
    assert_eq!(output(&world), json!({"rounds": 2, "carry": {"seen": 2, "last": 2}}));
}

#[test]
fn more_rounds_than_allowed_fail_the_step_and_so_does_a_round_that_fails() {
    let mut world =
        World::begin(&playbook(json!([polling(json!({"at_most": 2, "pause": "1s"}))])), json!({}));
    world.end("check", Ok(json!({"done": false, "at": 1})));
    world.fire();
    world.end("check", Ok(json!({"done": false, "at": 1})));
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Round);
    assert!(error.message.contains("more than 2 rounds"), "{error}");
    let mut world = World::begin(&playbook(json!([polling(json!({}))])), json!({}));
    world.end("check", Err(FailureKind::Status));
    let error = world.execution().state.error.clone().unwrap();
    assert!(error.message.contains("round 0: step \"check\": as the test says"), "{error}");
}

#[test]
fn the_deadline_cancels_the_round_that_runs_and_is_a_timeout() {
    let late =
        polling(json!({"timeout": "45s", "on_timeout": [{"end": "{{ steps.poll.output.carry.seen }}"}]}));
    let mut world = World::begin(&playbook(json!([late.clone()])), json!({}));
    world.end("check", Ok(json!({"done": false, "at": 1})));
    world.fire();
    assert_eq!(world.attempts.len(), 1);
    world.fire();
    assert!(world.machine.ended() && world.attempts.is_empty());
    assert_eq!(world.execution().state.output.as_ref().unwrap().value(), json!(1));
    let cancelled = world.statuses().into_iter().filter(|status| status == "check:cancelled").count();
    assert_eq!(cancelled, 1);

    let mut waited = late;
    waited["do"][0]["at_most_once"] = json!(true);
    let mut world = World::begin(&playbook(json!([waited])), json!({}));
    world.timers.retain(|(_, timer)| matches!(timer, crate::machine::Timer::Task(_)));
    world.fire();
    assert!(!world.machine.ended(), "a call that may act at most once is waited for");
    world.end("check", Ok(json!({"done": true, "at": 1})));
    assert!(world.machine.ended());
    assert_eq!(task(&world, "poll").state.error.unwrap().kind, FailureKind::Timeout);
}

#[test]
fn while_is_decided_before_each_round_and_may_have_none() {
    let count = |first: u32| {
        json!({
            "id": "poll", "while": "left > 0", "carry": {"left": {"first": first, "then": "{{ left - 1 }}"}},
            "do": [act("check", json!({"arguments": {"left": "{{ left }}", "n": "{{ round_index }}"}}))],
        })
    };
    let world = World::begin(&playbook(json!([count(0)])), json!({}));
    assert_eq!(output(&world)["rounds"], json!(0));
    let mut world = World::begin(&playbook(json!([count(2)])), json!({}));
    assert_eq!(
        (&world.attempts[0].arguments["left"], &world.attempts[0].arguments["n"]),
        (&json!(2).into(), &json!(0).into())
    );
    world.end("check", Ok(json!({})));
    world.crash();
    assert_eq!(world.attempts[0].arguments["left"], json!(1));
    world.end("check", Ok(json!({})));
    assert_eq!(output(&world), json!({"rounds": 2, "carry": {"left": 0}}));
}

#[test]
fn a_loop_whose_time_is_over_at_a_resume_makes_no_attempt_again() {
    let late = polling(json!({"timeout": "45s", "on_timeout": [{"end": "late"}]}));
    let mut world = World::begin(&playbook(json!([late])), json!({}));
    world.now = world.now.after(std::time::Duration::from_secs(50));
    let calls = world.called.len();
    world.crash();
    assert_eq!(world.called.len(), calls);
    assert_eq!(world.execution().state.output.as_ref().unwrap().value(), json!("late"));
    assert_eq!(world.statuses()[1], "check:cancelled");
}

#[test]
fn what_loops_hold_at_once_is_bounded() {
    let hold = json!({
        "id": "poll", "until": "true", "do": [{"delay": "1m"}],
        "carry": {"text": {"first": "{{ input.text }}", "then": "{{ text }}"}},
    });
    let each =
        json!({"id": "all", "for_each": "input.many", "do": [hold], "at_once": 100, "tolerate": "100%"});
    let many: Vec<u32> = (0..100).collect();
    let input = json!({"text": "x".repeat(150_000), "many": many});
    let mut world = World::begin(&playbook(json!([each])), input);
    while !world.machine.ended() {
        world.fire();
    }
    let output: Value = serde_json::from_str(task(&world, "all").state.response.unwrap().as_str()).unwrap();
    assert_eq!((&output["completed"], &output["failed"]), (&json!(55), &json!(45)), "eight megabytes");
    assert!(output["failures"][0]["message"].as_str().unwrap().contains("hold at most 8388608 bytes"));
}
