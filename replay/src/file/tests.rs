//! Written answers and cases: their mistakes, what fits what, and what is other than expected.

use serde_json::json;

use super::*;
use crate::case::TestFile;
use crate::testing::{act, answers, plans, playbook, run, tenant};

fn mistakes(text: &str) -> Vec<String> {
    WrittenAnswers::read(text.as_bytes()).unwrap_err()
}

#[test]
fn every_mistake_has_its_line_and_the_words_of_its_author() {
    assert_eq!(
        mistakes("answers:\n  - step: a\n    otput: 1\n"),
        ["line 3, column 5, answers[0].otput: there is no such field; did you mean \"output\"?"]
    );
    assert_eq!(
        mistakes("answers:\n  - {step: a}\n  - {output: 1}\n"),
        [
            "line 2, column 5, answers[0]: one of `output`, `body` (with `status`, `headers`), `failure` and `unknown: true` is needed",
            "line 3, column 5, answers[1]: `step` or `action` is needed"
        ]
    );
    let kind = mistakes("answers:\n  - {step: a, failure: {kind: statsu}}\n");
    assert!(kind[0].starts_with("line 2, column 31, answers[0].failure.kind: "), "{kind:?}");
    let status = mistakes("answers: [{step: a, status: 404, body: null}]");
    assert!(status[0].ends_with("is written as `failure: {status: …}`"), "{status:?}");
    assert!(mistakes("approvals: [{step: a}]")[0].contains("one of `choice`"));
    assert!(mistakes("signals: [{payload: 1}]")[0].contains("`signal` or `step` is needed"));
    assert!(mistakes("answers: 7")[0].contains("a list is needed"));
    assert!(mistakes("\u{0}")[0].starts_with("line 1, column 1"));
    let large = WrittenAnswers::read(&vec![b' '; TEST_FILE_BYTES + 1]).unwrap_err();
    assert!(large[0].contains("at most"), "{large:?}");
    let deep = format!("answers: {}", "[".repeat(10_000));
    assert_eq!(mistakes(&deep).len(), 1);
}

#[test]
fn a_step_that_is_not_there_is_told_with_its_line_and_the_nearest_one() {
    let plans = plans(&[playbook("p", json!([act("lookup", json!({}))]), json!({}))]);
    let text = "playbook: p.yaml\ncases:\n  - name: a\n    answers:\n      - {step: lokup, output: 1}\n    expect: {path: [lookup, blok]}\n";
    let file = TestFile::read(text.as_bytes()).unwrap();
    assert_eq!(
        file.unknown_steps(text.as_bytes(), &plans),
        [
            "line 5, column 16, cases[0].answers[0].step: no step \"lokup\"; did you mean \"lookup\"?",
            "line 6, column 29, cases[0].expect.path[1]: no step \"blok\""
        ]
    );
}

#[test]
fn a_test_file_has_cases_each_with_a_name_of_its_own() {
    let read = |text: &str| TestFile::read(text.as_bytes()).unwrap_err();
    assert!(read("playbook: p\ncases: []")[0].contains("at least one case is needed"));
    let twice = read(
        "playbook: p\ncases:\n  - name: a\n  - name: a\n    clock: noon\n    expect: {status: complete}\n",
    );
    assert_eq!(
        twice,
        [
            "line 4, column 11, cases[1].name: cases[0] has this name already",
            "line 5, column 12, cases[1].clock: `noon` is no instant; write one as `2026-01-31T11:00:00Z`",
            "line 6, column 22, cases[1].expect.status: no such end; did you mean \"completed\"?; there are completed, failed, cancelled, timed_out, needs_answer, refused, unfinished"
        ]
    );
}

#[test]
fn the_first_answer_that_fits_is_taken_as_often_as_it_may_be() {
    let steps = json!([{"id": "each", "for_each": "input", "at_once": 1, "collect": "{{ steps.a.output }}", "do": [act("a", json!({"arguments": {"n": "{{ item }}"}}))]}]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let written = json!({"answers": [
        {"step": "a", "arguments": {"n": 3}, "output": "three"}, {"action": "tool.act", "times": 1, "output": "once"},
        {"step": "a", "scope": "each:1", "output": "second"}, {"step": "a", "output": "rest"}, {"step": "a", "output": "never"},
        {"step": "a", "attempt": 2, "optional": true, "output": "again"},
    ]});
    let trace = run(&plans, json!([1, 2, 3, 4]), &written);
    assert_eq!(trace.output.unwrap().value()["results"], json!(["once", "second", "three", "rest"]));
    let written = answers(&written);
    let mut script = AnswerScript::new(&written);
    let start = crate::start::Start::new(tenant(), json!([1, 2, 3, 4]).into(), crate::start::TEST_CLOCK);
    let _ = crate::run(&plans, &start, &mut script);
    assert_eq!(script.unused(), ["answers[4] (step a)"]);
}

#[test]
fn a_case_says_where_it_differs() {
    let steps = json!([act("look", json!({"arguments": {"ip": "{{ input.ip }}"}})), {"id": "done", "end": {"score": "{{ steps.look.output.score }}"}}]);
    let plans = plans(&[playbook("p", steps, json!({}))]);
    let differences = |expect: &str| {
        let text = format!(
            "playbook: p\ncases:\n  - name: a\n    alert: {{ip: x}}\n    answers:\n      - {{step: look, output: {{score: 7}}}}\n      - {{step: done, output: 1}}\n    expect: {expect}\n"
        );
        let file = TestFile::read(text.as_bytes()).unwrap();
        let case = &file.cases[0];
        let mut found = case.run(&plans, &tenant(), case.alert.clone().unwrap()).differences;
        assert_eq!(
            found.pop().unwrap(),
            "answers[1] (step done): nothing asked for it; `optional: true` allows that"
        );
        found
    };
    assert_eq!(
        differences("{output: {score: 7}, path: [look, done], calls: [{step: look, arguments: {ip: x}}]}"),
        Vec::<String>::new()
    );
    assert_eq!(differences("{output: {score: 5}}"), ["output.score: expected 5, got 7"]);
    assert_eq!(differences("{status: failed}"), ["status: expected failed, got completed"]);
    assert_eq!(
        differences("{path: [done, look]}"),
        ["path[1]: expected look after done; the steps were look, done"]
    );
    assert_eq!(
        differences("{path_exactly: [look]}"),
        ["path_exactly[1]: expected no further step, got done; the steps were look, done"]
    );
    assert_eq!(differences("{not: [look]}"), ["not[0]: look began; the steps were look, done"]);
    assert_eq!(
        differences("{calls: [{step: look, arguments: {ip: y}}]}"),
        ["calls of look: arguments.ip: expected \"y\", got \"x\""]
    );
    assert_eq!(
        differences("{calls: [{step: look, times: 2}]}"),
        ["calls: expected 2 calls of look, got 1 of 1: {\"ip\":\"x\"}"]
    );
    assert_eq!(
        differences("{failure: {kind: end_step}}"),
        ["status: expected failed, got completed", "failure: expected one, and there is none"]
    );
}
