//! Past runs through the same version and through others: what is told of each.

use serde_json::{Value, json};

use super::*;
use crate::testing::{act, plans, playbook, recording, run};

/// Asks twice, in two branches of which one decides, then acts; people and a signal in between.
fn steps() -> Value {
    json!([
        act("look", json!({"action": "tool.look", "retry": {"attempts": 3}})),
        {"id": "race", "parallel": "any", "branches": {
            "fast": [act("fast", json!({}))], "slow": [{"id": "wait", "delay": "10m"}, act("slow", json!({}))],
        }},
        {"id": "each", "for_each": "input.hosts", "do": [act("isolate", json!({"arguments": {"host": "{{ item }}"}, "on_failure": "continue"}))]},
        {"id": "ask", "approval": "Go on?", "assignees": ["ana"]},
        {"id": "closed", "wait_for": "closed"},
        {"if": "steps.look.output.score >= variables.bad", "then": [act("block", json!({}))]},
        {"id": "done", "end": {"by": "{{ steps.closed.output.by }}", "score": "{{ steps.look.output.score }}"}},
    ])
}

fn book(steps: Value) -> Value {
    playbook("p", steps, json!({"variables": {"bad": 5}}))
}

fn input() -> Value {
    json!({"hosts": ["a", "b"]})
}

fn past() -> Recording {
    let written = json!({
        "answers": [
            {"step": "look", "attempt": 1, "failure": {"status": 503}}, {"step": "look", "output": {"score": 7}, "after": "2s"},
            {"step": "fast", "output": 1, "after": "20s"}, {"step": "isolate", "scope": "each:0", "failure": {"status": 404}},
            {"step": "isolate", "output": 2}, {"step": "block", "output": 3},
        ],
        "approvals": [{"step": "ask", "choice": "approve", "after": "5m"}],
        "signals": [{"signal": "closed", "payload": {"by": "bo"}, "after": "1h"}],
    });
    let trace = run(&plans(&[book(steps())]), input(), &written);
    recording(&trace, &input(), json!({"bad": 5}))
}

fn through(version: Value) -> ReplayComparison {
    replay(&past(), &plans(&[version]), false)
}

#[test]
fn the_same_version_takes_the_same_path() {
    let comparison = through(book(steps()));
    assert_eq!(comparison.verdict, ReplayVerdict::Same);
    assert_eq!((&*comparison.old_status, &*comparison.new_status), ("completed", "completed"));
    let lists = [comparison.new_calls, comparison.gone_calls, comparison.other_arguments];
    assert_eq!(lists, [const { Vec::<String>::new() }; 3]);
}

#[test]
fn the_first_step_of_another_path_is_told_and_the_calls_that_are_gone() {
    let comparison = through(playbook("p", steps(), json!({"variables": {"bad": 9}})));
    let (step, old, new) = ("done".to_owned(), "block completed".to_owned(), "done completed".to_owned());
    assert_eq!(comparison.verdict, ReplayVerdict::Differs { step, old, new });
    assert_eq!(comparison.gone_calls, ["block (tool.act)"]);
    let kept = replay(&past(), &plans(&[playbook("p", steps(), json!({"variables": {"bad": 9}}))]), true);
    assert_eq!(kept.verdict, ReplayVerdict::Same, "with the variables as they were");
}

#[test]
fn what_was_not_recorded_is_asked_for() {
    let mut new = steps();
    new.as_array_mut().unwrap().insert(4, act("ask_more", json!({"arguments": {"x": 1}})));
    let comparison = through(book(new));
    let (step, asked) = ("ask_more".to_owned(), r#"tool.act {"x":1}"#.to_owned());
    assert_eq!(comparison.verdict, ReplayVerdict::NeedsAnswer { step, asked });
    assert_eq!(comparison.new_calls, [r#"ask_more (tool.act {"x":1})"#]);
}

#[test]
fn a_step_inside_of_more_keeps_its_answer_and_other_arguments_are_told() {
    let mut new = steps();
    new[0]["arguments"] = json!({"deep": true});
    let more = json!({"variables": {"bad": 5}, "finally": {"do": [{"set": {"bad": 1}}]}});
    let comparison = through(playbook("p", new, more));
    assert!(matches!(&comparison.verdict, ReplayVerdict::Differs { step, .. } if step == "finally_1"));
    assert_eq!(comparison.new_status, "completed");
    assert_eq!(comparison.other_arguments, [r#"finally_1:do/look ({"deep":true})"#]);
    assert_eq!(comparison.new_calls, Vec::<String>::new());
}

#[test]
fn an_end_that_is_another_is_told_where_the_path_is_the_same() {
    let mut new = steps();
    new[6]["end"] = json!("{{ steps.look.output.score }}");
    let comparison = through(book(new));
    let old = r#"{"by":"bo","score":7}"#.to_owned();
    assert_eq!(comparison.verdict, ReplayVerdict::Differs { step: "output".into(), old, new: "7".into() });
}

#[test]
fn an_alert_that_the_version_refuses_cannot_be_replayed() {
    let inputs = json!({"inputs": {"type": "object", "required": ["ip"]}, "variables": {"bad": 5}});
    let comparison = through(playbook("p", steps(), inputs));
    assert_eq!(comparison.verdict, ReplayVerdict::Failed { why: "input.ip: is needed".into() });
}
