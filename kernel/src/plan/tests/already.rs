//! `already`: what is accepted, and each mistake at the place where it is written.

use super::*;

fn isolate(more: Value) -> Value {
    let mut already = json!({
        "action": "http.request", "arguments": {"url": "https://edr/{{ input.host }}"}, "if": "result.status == 200"
    });
    already.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([{
        "id": "isolate", "arguments": {"url": "https://edr/isolate"}, "already": already,
        "undo": {"action": "request", "arguments": {"url": "https://edr/release"}}
    }])
}

#[test]
fn its_call_and_its_condition_are_checked_where_they_are_written() {
    for (more, expected) in [
        (
            json!({"action": "http.requets"}),
            "steps[0].already.action: \"http\" has no action \"requets\"; did you mean \"request\"?",
        ),
        (json!({"timeout": "0s"}), "steps[0].already.timeout: must be longer than zero"),
    ] {
        assert_eq!(mistakes(isolate(more)), [expected]);
    }
    let unread = mistakes(isolate(json!({"if": "reslut.isolated"})));
    assert!(unread[0].starts_with("steps[0].already.if: ") && unread[0].contains("reslut"), "{unread:?}");
    let mut without = isolate(json!({}));
    without[0].as_object_mut().unwrap().remove("undo");
    assert_eq!(
        mistakes(without),
        ["steps[0].already: needs `undo`, which is not made where it was so before"]
    );
    let mut within = isolate(json!({}));
    within[0]["undo"]["within"] = json!("0s");
    assert_eq!(mistakes(within), ["steps[0].undo.within: must be longer than zero"]);
}

#[test]
fn it_comes_before_its_action_and_its_failures_are_those_of_the_action() {
    let mut steps = isolate(json!({}));
    steps[0]["on_failure"] = json!([{"id": "told", "delay": "1s"}]);
    let first =
        json!({"id": "first", "if": "input.now", "then": [{"id": "over", "delay": "1s"}], "next": "isolate"});
    steps.as_array_mut().unwrap().insert(0, first);
    let plan = plan(steps);
    let of = |id: &str, exit| {
        plan.step(at(&plan, id)).exits.get(exit).step().map(|step| plan.step(step).id.to_string())
    };
    use updraft_protocol::playbook::StepExit::{Failure, Success};
    assert_eq!(of("over", Success).as_deref(), Some("already.isolate"));
    assert_eq!(of("already.isolate", Success).as_deref(), Some("isolate"));
    assert_eq!(
        [of("isolate", Failure), of("already.isolate", Failure)],
        [Some("told".into()), Some("told".into())]
    );
}
