//! Bodies: where a path goes on after choices, handlers and `catch`.

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, FailureKind};

use super::world::{World, act, playbook};

fn switch(input: Value) -> World {
    let steps = json!([
        {
            "id": "s", "switch": "input.kind",
            "cases": [
                {"is": ["malware", 7], "do": [act("first", json!({}))]},
                {"when": "input.score > 80", "do": [act("second", json!({}))]},
            ],
            "default": [{"id": "none", "end": "{{ steps.s.output.case }}"}],
        },
        act("after", json!({"arguments": {"case": "{{ steps.s.output.case }}"}})),
    ]);
    World::begin(&playbook(steps), input)
}

#[test]
fn the_first_case_that_fits_runs_and_the_path_goes_on() {
    for (input, step, case) in [
        (json!({"kind": "malware", "score": 90}), "first", 0),
        (json!({"kind": 7.0, "score": 90}), "first", 0),
        (json!({"kind": "phishing", "score": 90}), "second", 1),
    ] {
        let mut world = switch(input);
        assert_eq!(world.statuses(), ["s:completed".to_owned(), format!("{step}:executing")]);
        world.crash();
        world.end(step, Ok(json!({})));
        assert_eq!(world.attempts[0].arguments, json!({"case": case}));
    }
    let world = switch(json!({"kind": "7", "score": 1}));
    assert_eq!(world.statuses(), ["s:completed", "none:completed"]);
    assert_eq!(world.execution().state.output, Some(json!(null).into()));
    let world = switch(json!({"kind": "other"}));
    assert_eq!((world.statuses(), world.ends), (vec!["s:failed".to_owned()], vec![ExecutionStatus::Failed]));
}

#[test]
fn after_a_handler_the_path_goes_on_and_a_timeout_may_have_one_of_its_own() {
    let steps = json!([
        act(
            "a",
            json!({
                "retry": {"attempts": 1}, "on_failure": [act("mend", json!({}))], "on_timeout": "continue",
            })
        ),
        act("b", json!({"retry": {"attempts": 1}, "on_failure": "continue"})),
    ]);
    let mut world = World::begin(&playbook(steps.clone()), json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    world.end("mend", Ok(json!({})));
    world.end("b", Err(FailureKind::Timeout));
    assert_eq!(world.statuses(), ["a:failed", "mend:completed", "b:failed"]);
    assert_eq!(world.ends, [ExecutionStatus::Completed], "its author says to go on");
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Timeout));
    assert_eq!(world.statuses(), ["a:failed", "b:executing"]);
}

#[test]
fn what_is_caught_ends_the_body_and_not_the_execution() {
    let steps = json!([
        {
            "id": "choose", "if": "true",
            "then": {
                "do": [act("a", json!({})), act("skipped", json!({}))],
                "catch": [act("caught", json!({"arguments": {"why": "{{ steps.a.error.kind }}"}}))],
            },
        },
        act("after", json!({})),
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    assert_eq!(world.attempts[0].arguments, json!({"why": "forbidden"}));
    world.crash();
    world.end("caught", Ok(json!({})));
    world.end("after", Ok(json!({})));
    assert_eq!(world.statuses(), ["choose:completed", "a:failed", "caught:completed", "after:completed"]);
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_branch_that_catches_does_not_fail_its_parallel() {
    let steps = json!([
        {
            "id": "all",
            "branches": {
                "safe": {"do": [act("a", json!({"at_most_once": true}))], "catch": []},
                "other": [act("b", json!({}))],
            },
        },
        act("after", json!({"arguments": {"status": "{{ steps.a.status }}"}})),
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Err(FailureKind::Timeout));
    world.end("b", Ok(json!({})));
    assert_eq!(world.attempts[0].arguments, json!({"status": "unknown"}));
}

#[test]
fn the_catch_of_a_playbook_takes_what_its_steps_and_its_branches_do_not() {
    let mut whole = playbook(json!([
        {"id": "all", "branches": {"one": [act("a", json!({}))]}},
        act("never", json!({})),
    ]));
    whole["catch"] = json!([{"id": "why", "fail": "{{ steps.all.error.message }}"}]);
    let mut world = World::begin(&whole, json!({}));
    world.end("a", Err(FailureKind::Forbidden));
    assert_eq!(world.statuses(), ["all:failed", "a:failed", "why:failed"]);
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!((error.kind, world.ends.len()), (FailureKind::EndStep, 1));
    assert_eq!(error.message, "step \"why\": step \"a\": as the test says");
}
