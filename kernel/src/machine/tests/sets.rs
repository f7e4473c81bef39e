//! `set` by example: what is read after it, in branches, items and rounds, and after a crash.

use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use super::world::{World, act, playbook};

fn with_variables(steps: Value, variables: Value) -> Value {
    let mut playbook = playbook(steps);
    playbook["variables"] = variables;
    playbook
}

fn output(world: &World) -> Value {
    serde_json::from_str(world.execution().state.output.as_ref().unwrap().as_str()).unwrap()
}

#[test]
fn a_variable_has_the_value_that_was_set_last_and_all_of_a_step_see_the_values_before_it() {
    let steps = json!([
        {"set": {"first": "{{ input.n }}", "list": [1, "{{ input.n }}"]}},
        {"if": "variables.first == 7", "then": [{"set": {"first": "{{ variables.list }}", "list": "{{ variables.first }}"}}]},
        act("call", json!({"arguments": {"all": "{{ variables }}"}})),
        {"end": {"first": "{{ variables.first }}", "none": "{{ variables.never|default('none') }}"}},
    ]);
    let mut world = World::begin(&with_variables(steps, json!({"never": null})), json!({"n": 7}));
    let all = json!({"first": [1, 7], "list": 7});
    assert_eq!(world.attempts[0].arguments["all"]["first"], all["first"]);
    world.crash();
    assert_eq!(world.attempts[0].arguments["all"]["list"], all["list"]);
    world.end("call", Ok(json!({})));
    assert_eq!(output(&world), json!({"first": [1, 7], "none": null}));
}

#[test]
fn a_set_of_nothing_completes_at_once_with_an_empty_map_and_can_be_gone_to() {
    let steps = json!([
        {"if": "input.n == 7", "then": [{"id": "begin", "set": {}, "next": "back"}, {"id": "back", "set": {}}]},
        act("call", json!({"arguments": {"back": "{{ steps.back.output }}", "n": "{{ variables.n }}"}})),
        {"id": "last", "set": {}},
    ]);
    let mut world = World::begin(&with_variables(steps, json!({"n": 1})), json!({"n": 7}));
    assert_eq!(world.attempts[0].arguments["back"], json!({}));
    world.crash();
    assert_eq!(world.attempts[0].arguments["n"], json!(1), "it sets nothing");
    world.end("call", Ok(json!({})));
    assert_eq!(output(&world), json!({}));
}

#[test]
fn rounds_set_variables_of_the_body_around_them_that_follow_a_crash_at_any_point() {
    let steps = json!([
        {"set": {"seen": []}},
        {
            "id": "poll", "until": "variables.seen|length == 3", "pause": "40s",
            "do": [act("check", json!({})), {"set": {"seen": "{{ variables.seen + [steps.check.output.at] }}"}}],
        },
        act("after", json!({})),
        {"end": "{{ variables.seen }}"},
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    for at in ["a", "b", "c"] {
        world.crash();
        world.end("check", Ok(json!({"at": at})));
        world.crash();
        if at != "c" {
            world.fire();
        }
    }
    world.crash();
    world.end("after", Ok(json!({})));
    assert_eq!(output(&world), json!(["a", "b", "c"]));
}

#[test]
fn a_branch_and_an_item_have_variables_of_their_own() {
    let own = |name: &str| json!([{"set": {"own": name}}, act(name, json!({"arguments": {"own": "{{ variables.own }}"}}))]);
    let steps = json!([
        {"parallel": "all", "branches": {"a": own("first"), "b": own("second")}},
        {
            "id": "all", "for_each": "['x', 'y']", "collect": "{{ variables.mark }}",
            "do": [{"set": {"mark": "{{ item ~ item_index }}"}}],
        },
        {"end": "{{ steps.all.output.results }}"},
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    let seen: Vec<_> = world.attempts.iter().map(|attempt| attempt.arguments["own"].clone()).collect();
    assert_eq!(seen, [json!("first").into(), json!("second").into()] as [updraft_protocol::Value; 2]);
    world.crash();
    world.end("first", Ok(json!({})));
    world.end("second", Ok(json!({})));
    assert_eq!(output(&world), json!(["x0", "y1"]));
}

#[test]
fn a_loop_that_was_cancelled_leaves_what_its_rounds_had_set() {
    let inner = json!({
        "until": "false", "do": [{"set": {"seen": "{{ variables.seen + 1 }}"}}, act("slow", json!({"at_most_once": true}))],
    });
    let steps = json!([
        {"until": "false", "timeout": "45s", "do": [inner], "on_timeout": "continue"},
        act("after", json!({})),
        {"end": "{{ variables.seen }}"},
    ]);
    let mut world = World::begin(&with_variables(steps, json!({"seen": 0})), json!({}));
    world.end("slow", Ok(json!({})));
    world.timers.retain(|(_, timer)| matches!(timer, crate::machine::Timer::Task(_)));
    world.fire();
    world.end("slow", Ok(json!({})));
    world.crash();
    world.end("after", Ok(json!({})));
    assert_eq!(output(&world), json!(2));
}

#[test]
fn variables_are_bounded_as_what_loops_hold_is() {
    let grow = json!({"until": "false", "do": [{"set": {"text": "{{ variables.text ~ variables.text }}"}}]});
    let steps = json!([grow]);
    let mut world = World::begin(&with_variables(steps, json!({"text": "x".repeat(1_000)})), json!({}));
    while !world.machine.ended() {
        world.fire();
    }
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Round, "{error}");
    assert!(error.message.contains("step \"set_1\": "), "{error}");
}

#[test]
fn a_step_that_sets_what_a_variable_may_not_be_fails() {
    let steps = json!([
        {"id": "wrong", "set": {"threshold": "{{ constants.name }}"}, "on_failure": [
            {"end": "{{ steps.wrong.error.message }}, {{ variables.threshold + constants.more }}"},
        ]},
    ]);
    let mut playbook = with_variables(steps, json!({"threshold": 5}));
    playbook["types"] = json!({"threshold": "integer"});
    playbook["constants"] = json!({"name": "many", "more": 2});
    let world = World::begin(&playbook, json!({}));
    let told = output(&world);
    let told = told.as_str().unwrap();
    assert!(told.starts_with("variables.threshold: ") && told.ends_with(", 7"), "{told}");
}
