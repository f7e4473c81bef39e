//! Turns: an execution with much to decide lets others run in between, and still has the same result.

use serde_json::{Value, json};
use updraft_protocol::ExecutionStatus;

use super::world::{World, act, parallel, playbook};

/// A loop that takes about half of a turn.
const WORK: &str = "{% for n in input.list %}{% if n %}{% endif %}{% endfor %}";

fn input() -> Value {
    json!({ "list": vec![1; 2_500] })
}

#[test]
fn a_chain_of_conditions_is_decided_in_turns() {
    let chain = |n: usize| {
        let condition = "input.list|select('eq', 1)|length == 2500";
        json!({"id": format!("c{n}"), "if": condition, "then": [], "else": [{"fail": "it holds"}]})
    };
    let mut steps: Vec<Value> = (0..50).map(chain).collect();
    steps.push(json!({"id": "done", "end": "{{ steps.c49.output.result }}"}));
    let mut world = World::begin(&playbook(json!(steps)), input());
    assert!(world.ends.is_empty() && world.tasks().len() < 25, "the first turn decides a part");
    world.crash();
    let turns = world.turns();
    assert!(turns > 2, "{turns}");
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.execution().state.output, Some(json!(true).into()));
    assert_eq!(world.tasks().len(), 51, "each is decided once");
    world.assert_stored_is_current();
}

#[test]
fn many_calls_are_begun_in_turns() {
    let branches = (0..40).map(|n| act(&format!("b{n}"), json!({"arguments": {"a": WORK}})));
    let mut many = playbook(json!([parallel("all", branches)]));
    many["tasks_at_once"] = json!(100);
    let mut world = World::begin(&many, input());
    let first = world.attempts.len();
    assert!((1..20).contains(&first), "{first}");
    assert!(world.machine.idle_until().is_none());
    let turns = world.turns();
    assert!(turns > 2 && world.attempts.len() == 40, "{turns}");
    while let Some(attempt) = world.attempts.first().cloned() {
        world.attempts.remove(0);
        world.end_attempt(&attempt, Ok(json!(null)));
    }
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}
