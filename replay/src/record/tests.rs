//! A case that is made of an execution, read and run as it is written.

use serde_json::json;

use super::*;
use crate::case::TestFile;
use crate::testing::{act, plans, playbook, recording, run, tenant};

#[test]
fn a_recorded_case_passes_as_it_is_written_and_names_nobody() {
    let steps = json!([
        act("look", json!({"action": "tool.look", "arguments": {"user": "{{ input.user }}"}, "retry": {"attempts": 3}})),
        {"id": "race", "parallel": "any", "branches": {
            "a": [act("first", json!({}))], "b": [act("second", json!({}))],
        }},
        act("once", json!({"at_most_once": true, "on_unknown": [{"set": {"n": 1}}]})),
        {"id": "ask", "approval": "Lock {{ input.user }}?", "quorum": 2},
        {"id": "closed", "wait_for": "closed", "on_timeout": "continue"},
        {"id": "sub", "playbook": "q"},
        act("lock", json!({"arguments": {"user": "{{ input.user }}", "note": "it's \"{{ steps.sub.output }}\""}})),
        {"id": "done", "end": {"name": "{{ steps.look.output.name }}", "second": "{{ steps.second.status }}", "first": "{{ steps.first.status }}"}},
    ]);
    let book = playbook("p", steps, json!({"variables": {"n": 0}}));
    let plans = plans(&[book]);
    let input = json!({"user": "ines.moreau@contoso.com", "host": "ws-17"});
    let written = json!({
        "answers": [
            {"step": "look", "attempt": 1, "failure": {"status": 503, "body": {"by": "ines.moreau@contoso.com"}}},
            {"step": "look", "output": {"name": "Ines", "mail": "ines.moreau@contoso.com"}},
            {"step": "first", "output": 1, "after": "20s"}, {"step": "second", "output": 2, "after": "2s"},
            {"step": "once", "unknown": true}, {"step": "sub", "output": "line\n\u{9b}two: {x}"}, {"step": "lock", "output": null},
        ],
        "approvals": [
            {"step": "ask", "choice": "approve", "uid": "ana", "comment": "sure"}, {"step": "ask", "choice": "approve", "uid": "bo"},
        ],
        "signals": [{"signal": "closed", "expires": true}],
    });
    let trace = run(&plans, input.clone(), &written);
    let past = recording(&trace, &input, json!({"n": 0}));
    let wish = Wish { name: "what happened".into(), mask: vec!["input.host".into()], keeps_personal: false };
    let recorded = case_of(&past, &plans, &wish).unwrap();
    let text = file_of(&recorded.case, "p.yaml", &[], "made of an execution\nof p");
    assert!(!text.contains("ines.moreau") && !text.contains("ws-17"), "{text}");
    assert!(text.contains("person-") && text.contains("@contoso.com"), "{text}");
    let file = TestFile::read(text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes:?}: {text}"));
    assert_eq!(file.unknown_steps(text.as_bytes(), &plans), Vec::<String>::new());
    let case = &file.cases[0];
    let outcome = case.run(&plans, &tenant(), case.alert.clone().unwrap());
    assert_eq!(outcome.differences, Vec::<String>::new(), "{text}");
    assert_eq!(
        case.expect.output_exactly.as_ref().unwrap()["first"],
        json!("cancelled"),
        "the race is as it was"
    );
    let open = Wish { keeps_personal: true, mask: Vec::new(), ..wish.clone() };
    let recorded = case_of(&past, &plans, &open).unwrap();
    assert_eq!((recorded.masked, recorded.verdict), (0, ReplayVerdict::Same));
    let lost = Wish { mask: vec!["input.nobody".into()], ..wish };
    assert_eq!(case_of(&past, &plans, &lost).unwrap_err(), Error::NoValue("input.nobody".into()));
}
