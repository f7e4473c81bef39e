//! `undo`, `expires` and `target`: what is accepted, and each mistake.

use updraft_protocol::playbook::UndoOn;

use super::*;

fn isolate(more: Value) -> Value {
    let mut step = json!({"id": "isolate", "arguments": {"url": "https://edr/isolate"}});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([step])
}

fn undo(more: Value) -> Value {
    let mut undo = json!({"action": "http.request", "arguments": {"job": "{{ output.job }}"}});
    undo.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    undo
}

#[track_caller]
fn one(more: Value, expected: &str) {
    assert_eq!(mistakes(isolate(more)), [expected]);
}

#[test]
fn an_undo_is_checked_as_the_action_is() {
    let plan = plan(isolate(json!({"undo": {"action": "head"}, "expires": "4h", "target": "a"})));
    let PlannedKind::Action(action) = &plan.step(at(&plan, "isolate")).kind else { panic!("action") };
    let planned = action.undo.as_ref().unwrap();
    assert_eq!((planned.integration.as_str(), planned.action.as_str()), ("http", "head"));
    assert_eq!(planned.on, [UndoOn::Asked]);
    let of = |fields: Value| json!({"undo": undo(fields), "expires": "4h", "target": "a"});
    one(
        of(json!({"action": "http.requets"})),
        "steps[0].undo.action: \"http\" has no action \"requets\"; did you mean \"request\"?",
    );
    one(
        of(json!({"arguments": {"a": "{{ output. }}"}})),
        &mistakes(isolate(json!({"arguments": {"a": "{{ output. }}"}})))[0]
            .replace(".arguments", ".undo.arguments"),
    );
    one(of(json!({"timeout": "0s"})), "steps[0].undo.timeout: must be longer than zero");
    one(of(json!({"retry": {"attempts": 0}})), "steps[0].undo.retry.attempts: must be from 1 to 100");
    one(
        of(json!({"safe_if_unknown": true})),
        "steps[0].undo.safe_if_unknown: only a step with `at_most_once` can be of unknown outcome",
    );
    one(
        of(json!({"arguments": {"a": "{{ steps.isolate.output }}"}})),
        "steps[0].undo.arguments.a: the output of the step itself is read as `output`",
    );
    one(
        of(json!({"arguments": {"a": "{{ steps.isolat.output }}"}})),
        "steps[0].undo.arguments.a: no step \"isolat\"; did you mean \"isolate\"?",
    );
    let output = mistakes(isolate(json!({"arguments": {"a": "{{ output.job }}"}})));
    assert!(output[0].contains("`output` is not known"), "only the undo reads it: {output:?}");
    let refused =
        |more: Value| Playbook::parse(with_step(more).to_string().as_bytes()).unwrap_err().to_string();
    assert!(refused(of(json!({"on": ["failed"]}))).contains("failure"));
    assert!(refused(of(json!({"after": "1h"}))).contains("after"));
}

fn with_step(more: Value) -> Value {
    let mut steps = isolate(more);
    steps[0]["action"] = json!("http.request");
    json!({"format": 1, "name": "p", "version": 1, "steps": steps})
}

#[test]
fn an_undo_that_nothing_would_make_is_refused() {
    one(
        json!({"undo": undo(json!({"on": ["asked"]}))}),
        "steps[0].undo.on: a person asks for what `expires`; write `failure` or `cancel` for other undos",
    );
}

#[test]
fn an_undo_before_an_end_is_a_step_of_the_plan() {
    let on = |more: Value| {
        let plan = plan(isolate(more));
        let PlannedKind::Action(action) = &plan.step(at(&plan, "isolate")).kind else { panic!("action") };
        let undo = action.undo.as_ref().unwrap();
        let step = undo.step.map(|step| plan.step(step).id.to_string());
        (undo.on.clone(), step, plan.takes_back())
    };
    let own = Some("undo.isolate".to_owned());
    assert_eq!(
        on(json!({"undo": undo(json!({}))})),
        (vec![UndoOn::Failure, UndoOn::Cancel], own.clone(), true)
    );
    let expires = |undo: Value| json!({"undo": undo, "expires": "4h", "target": "a"});
    assert_eq!(on(expires(undo(json!({})))), (vec![UndoOn::Asked], None, false));
    let both = expires(undo(json!({"on": ["asked", "failure"]})));
    assert_eq!(on(both), (vec![UndoOn::Failure, UndoOn::Asked], own, true));
    let mut steps = isolate(json!({"undo": undo(json!({}))}));
    steps.as_array_mut().unwrap().push(json!({"id": "undo.isolate", "end": null}));
    let plan = plan(steps);
    assert_eq!(plan.steps[2].id.as_str(), "undo_1", "an author has the other id");
}

#[test]
fn what_expires_needs_to_be_undone_and_a_target() {
    let undo = undo(json!({}));
    one(json!({"expires": "4h", "target": "a"}), "steps[0].expires: needs `undo`, which ends what expires");
    one(
        json!({"expires": "4h", "undo": undo}),
        "steps[0].expires: needs `target`: what is contained, such as a host",
    );
    one(json!({"target": "a", "undo": undo}), "steps[0].target: is needed only where something `expires`");
    let expires = |expires: &str| json!({"expires": expires, "target": "a", "undo": undo});
    one(expires("0s"), "steps[0].expires: must be longer than zero");
    one(expires("367d"), "steps[0].expires: must be at most 366d");
    assert!(mistakes(isolate(expires("4 hours")))[0].starts_with("steps[0].expires: `4 hours` is not"));
    one(json!({"expires": "4h", "target": "", "undo": undo}), "steps[0].target: must not be empty");
    one(
        json!({"expires": "4h", "target": "{{ steps.isolate.output }}", "undo": undo}),
        "steps[0].target: \"isolate\" cannot have ended before \"isolate\" starts",
    );
    assert!(check(&playbook(isolate(expires("{{ input.hours }}h")))).is_ok());
}
