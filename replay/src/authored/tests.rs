//! What steps that were made for one step come to in a run, in answers and in replays.

use serde_json::json;
use updraft_protocol::{AuthoredNames, AuthoredStep, StepId, StepPart};

use crate::compare::{ReplayVerdict, replay};
use crate::plans::RunPlans;
use crate::testing::{act, plans, playbook, recording_as, run, statuses};
use crate::trace::RunTrace;

/// The names of these native steps, each with its step, and what of it that is.
fn names(steps: &[(&str, &str, StepPart)], wraps: &[&str]) -> AuthoredNames {
    let id = |id: &str| StepId::new(id).unwrap();
    let step = |(native, step, part): &(&str, &str, StepPart)| {
        (id(native), AuthoredStep { step: id(step), part: *part })
    };
    AuthoredNames {
        steps: steps.iter().map(step).collect(),
        wraps: wraps.iter().map(|step| id(step)).collect(),
        ..AuthoredNames::default()
    }
}

fn known(playbook: serde_json::Value, names: &AuthoredNames) -> RunPlans {
    let mut plans = plans(&[playbook]);
    plans.know(names);
    plans
}

/// A step of two calls that gives a result, as it is made: a loop of one round with parts of itself.
fn two_calls() -> (serde_json::Value, AuthoredNames) {
    let body = json!([
        act("a.1", json!({"arguments": {"at": "north"}})),
        act("a.2", json!({"arguments": {"at": "south"}})),
        {"id": "a.out", "set": {"x": "{{ steps['a.2'].output.x }}"}},
    ]);
    let steps = json!([
        {"id": "a", "until": "true", "at_most": 1, "do": body},
        {"id": "b", "end": "{{ variables.x }}"},
    ]);
    let parts = [
        ("a", "a", StepPart::Whole),
        ("a.1", "a", StepPart::Call(1)),
        ("a.2", "a", StepPart::Call(2)),
        ("a.out", "a", StepPart::Inner),
        ("b", "b", StepPart::Whole),
    ];
    (playbook("p", steps, json!({"variables": {"x": 0}})), names(&parts, &["a"]))
}

/// The same step with one call.
fn one_call() -> (serde_json::Value, AuthoredNames) {
    let steps = json!([
        act("a", json!({"arguments": {"at": "north"}})),
        {"id": "a.out", "set": {"x": "{{ steps.a.output.x }}"}},
        {"id": "b", "end": "{{ variables.x }}"},
    ]);
    let parts = [("a", "a", StepPart::Whole), ("a.out", "a", StepPart::Inner), ("b", "b", StepPart::Whole)];
    (playbook("p", steps, json!({"variables": {"x": 0}})), names(&parts, &[]))
}

fn places(trace: &RunTrace) -> Vec<String> {
    trace.calls.iter().map(|call| call.made.place.to_string()).collect()
}

#[test]
fn the_calls_of_a_step_are_answered_by_its_name_in_their_order() {
    let (playbook, names) = two_calls();
    let plans = known(playbook, &names);
    let written = json!({"answers": [
        {"step": "a", "times": 1, "output": {}},
        {"step": "a", "times": 1, "output": {"x": 7}},
    ]});
    let trace = run(&plans, json!({}), &written);
    assert_eq!(trace.output.as_ref().unwrap().as_str(), "7");
    assert_eq!(statuses(&trace), ["a:completed", "b:completed"]);
    assert_eq!(places(&trace), ["a", "a"]);
    let action = &trace.tasks[0].action;
    assert_eq!(action.as_str(), "act", "what the step does is what its calls do");
    let lacking = run(&plans, json!({}), &json!({"answers": [{"step": "a", "times": 1, "output": {}}]}));
    assert_eq!(lacking.unanswered[0].step, "a");
}

#[test]
fn a_step_has_failed_where_its_result_cannot_be_kept() {
    let (playbook, names) = one_call();
    let trace = run(&known(playbook, &names), json!({}), &json!({"answers": [{"step": "a", "output": {}}]}));
    assert_eq!(statuses(&trace), ["a:failed"]);
    assert!(trace.tasks[0].error.is_some());
}

#[test]
fn steps_that_are_made_are_no_steps_of_the_author() {
    let (playbook, names) = two_calls();
    let plans = known(playbook, &names);
    let has = |id: &str| plans.has_step(&StepId::new(id).unwrap());
    assert_eq!(["a", "b", "a.1", "a.out", "c"].map(has), [true, true, false, false, false]);
    assert_eq!(plans.steps().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_version_in_which_a_step_is_made_otherwise_is_answered_by_what_the_step_was_told() {
    let (old, _) = one_call();
    let written = json!({"answers": [{"step": "a", "output": {"x": 3}}]});
    let was = run(&plans(&[old]), json!({}), &written);
    let (new, names) = two_calls();
    let recording = recording_as(&was, &json!({}), json!({"x": 0}), names.clone());
    let found = replay(&recording, &known(new.clone(), &names), false);
    assert!(
        matches!(&found.verdict, ReplayVerdict::NeedsAnswer { step, .. } if step == "a"),
        "the second call was never made: {:?}",
        found.verdict
    );
    assert_eq!(found.new_calls, [r#"a (tool.act {"at":"south"})"#]);

    let both = json!({"answers": [
        {"step": "a.1", "output": {"x": 3}},
        {"step": "a.2", "output": {"x": 3}},
    ]});
    let was = run(&plans(&[new]), json!({}), &both);
    let (old, names) = one_call();
    let recording = recording_as(&was, &json!({}), json!({"x": 0}), names.clone());
    let found = replay(&recording, &known(old, &names), false);
    assert_eq!(found.verdict, ReplayVerdict::Same, "the author's path is the same");
    assert_eq!(found.gone_calls, ["a (tool.act)"]);
    assert!(found.new_calls.is_empty() && found.other_arguments.is_empty());
}
