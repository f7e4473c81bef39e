//! `verify`: what is accepted, and each mistake at the place where it is written.

use super::*;

fn isolate(more: Value) -> Value {
    let mut verify = json!({
        "action": "http.request", "arguments": {"url": "https://edr/{{ output.job }}"}, "until": "result.status == 200"
    });
    verify.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([{"id": "isolate", "arguments": {"url": "https://edr/isolate"}, "verify": verify}])
}

#[test]
fn its_call_and_its_condition_are_checked_where_they_are_written() {
    for (more, expected) in [
        (
            json!({"action": "http.requets"}),
            "steps[0].verify.action: \"http\" has no action \"requets\"; did you mean \"request\"?",
        ),
        (json!({"pause": "0s"}), "steps[0].verify.pause: must be longer than zero"),
        (json!({"within": "0s"}), "steps[0].verify.within: must be longer than zero"),
        (json!({"at_most": 0}), "steps[0].verify.at_most: must be from 1 to 100000"),
    ] {
        assert_eq!(mistakes(isolate(more)), [expected]);
    }
    let unread = mistakes(isolate(json!({"until": "output.status == result.n and reslut.n"})));
    assert!(unread[0].starts_with("steps[0].verify.until: ") && unread[0].contains("reslut"), "{unread:?}");
    let of_result = mistakes(isolate(json!({"arguments": {"url": "{{ result.n }}"}})));
    assert!(of_result[0].starts_with("steps[0].verify.arguments.url: "), "{of_result:?}");
}

#[test]
fn it_follows_its_action_and_its_failures_are_those_of_the_action() {
    let mut steps = isolate(json!({}));
    steps[0]["on_failure"] = json!([{"id": "told", "delay": "1s"}]);
    steps.as_array_mut().unwrap().push(json!({"id": "after", "end": null}));
    let plan = plan(steps);
    let of = |id: &str, exit| {
        plan.step(at(&plan, id)).exits.get(exit).step().map(|step| plan.step(step).id.to_string())
    };
    use updraft_protocol::playbook::StepExit::{Failure, Success};
    assert_eq!(of("isolate", Success).as_deref(), Some("verify.isolate"));
    assert_eq!(of("verify.isolate", Success).as_deref(), Some("after"));
    assert_eq!(
        [of("isolate", Failure), of("verify.isolate", Failure)],
        [Some("told".into()), Some("told".into())]
    );
    let PlannedKind::Repeat(repeat) = &plan.step(at(&plan, "verify.isolate")).kind else { panic!("a loop") };
    assert_eq!((repeat.verifies, repeat.at_most), (Some(at(&plan, "isolate")), 10));
    assert_eq!(plan.step(repeat.start).id.as_str(), "look.isolate");
}
