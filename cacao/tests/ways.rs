//! Checks are linear in the file, whatever the number of ways through it: with work for each way, these tests would never end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod example;

use example::{id, playbook};
use serde_json::{Value, json};
use updraft_cacao::{Checked, Mistakes, check};

fn checked(steps: Vec<(String, Value)>) -> Result<Checked, Mistakes> {
    let mut playbook = playbook();
    for name in ["workflow_exception", "playbook_processing_summary"] {
        playbook.as_object_mut().unwrap().remove(name);
    }
    playbook["workflow"] = Value::Object(steps.into_iter().collect());
    check(playbook.to_string().as_bytes())
}

fn condition(on_true: String, on_false: String, next: String) -> Value {
    json!({
        "type": "if-condition",
        "condition": "__count__:value = 1",
        "on_true": on_true,
        "on_false": on_false,
        "on_completion": next
    })
}

#[test]
fn a_chain_of_a_thousand_conditions_with_two_ways_each_is_checked() {
    let mut steps = vec![
        (id("start", 1), json!({"type": "start", "on_completion": id("if-condition", 1)})),
        (id("end", 1), json!({"type": "end"})),
    ];
    for number in 1..=998 {
        let next = if number == 998 { id("end", 1) } else { id("if-condition", number + 1) };
        steps.push((id("if-condition", number), condition(next.clone(), next.clone(), next)));
    }
    assert_eq!(checked(steps).unwrap().playbook.steps.len(), 1_000);
}

#[test]
fn thirty_conditions_inside_each_other_are_checked() {
    let mut steps = vec![
        (id("start", 1), json!({"type": "start", "on_completion": id("if-condition", 1)})),
        (id("end", 100), json!({"type": "end"})),
    ];
    for number in 1..=30 {
        let inner = if number == 30 { id("end", 100) } else { id("if-condition", number + 1) };
        steps.push((id("if-condition", number), condition(inner.clone(), inner, id("end", number))));
        steps.push((id("end", number), json!({"type": "end"})));
    }
    assert_eq!(checked(steps).unwrap().playbook.steps.len(), 62);
}

#[test]
fn findings_of_a_file_full_of_mistakes_are_bounded() {
    let step = |number| (id("action", number), json!({"type": "action", "a": 1, "b": 2, "c": 3}));
    let mistakes = checked((1..=1_000).map(step).collect()).unwrap_err();
    assert_eq!(mistakes.refused.len(), 100);
    assert!(mistakes.more > 1_000, "{}", mistakes.more);
}

#[test]
fn thousands_of_names_that_lead_nowhere_are_not_all_compared_with_all_that_are_there() {
    let cases =
        |of: u32| (0..17).map(move |case| (case.to_string(), json!(id("action", 10_000 + 17 * of + case))));
    let step = |number: u32| {
        let cases: Value = Value::Object(cases(number).collect());
        (
            id("switch-condition", number),
            json!({"type": "switch-condition", "switch": "__host__:value", "cases": cases}),
        )
    };
    let mistakes = checked((0..600).map(step).collect()).unwrap_err();
    assert!(mistakes.more > 9_000, "{}", mistakes.more);
    assert!(mistakes.refused.iter().any(|finding| finding.message.contains("and there is no such step")));
}
