//! Items of `for_each` by example: which run at once, what is kept of them, what their failures mean, and what is left in
//! memory.

use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use super::world::{World, act, playbook};

/// A `for_each` over the input's hosts that isolates each, with these additional fields.
fn isolate(more: Value) -> Value {
    let isolate = act("isolate", json!({"arguments": {"host": "{{ host }}", "n": "{{ host_index }}"}}));
    let mut step = json!({ "id": "all", "for_each": "input.hosts", "as": "host", "do": [isolate] });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn hosts(count: usize) -> Value {
    json!({ "hosts": (0..count).map(|n| format!("ws-{n}")).collect::<Vec<_>>() })
}

/// The hosts of the attempts under way.
fn under_way(world: &World) -> Vec<String> {
    let host = |arguments: &updraft_protocol::Value| arguments["host"].as_str().unwrap().to_owned();
    world.attempts.iter().map(|attempt| host(&attempt.arguments)).collect()
}

fn output(world: &World) -> Value {
    let tasks = world.tasks();
    let task = tasks.iter().find(|task| task.head.step_id.as_str() == "all").unwrap();
    serde_json::from_str(task.state.response.as_ref().unwrap().as_str()).unwrap()
}

#[test]
fn items_begin_in_order_and_no_more_at_once_than_the_step_says() {
    let mut world = World::begin(&playbook(json!([isolate(json!({"at_once": 2}))])), hosts(4));
    assert_eq!(under_way(&world), ["ws-0", "ws-1"]);
    world.end("isolate", Ok(json!({})));
    assert_eq!(under_way(&world), ["ws-1", "ws-2"]);
    for _ in 0..3 {
        world.end("isolate", Ok(json!({})));
    }
    assert!(world.machine.ended());
    let scopes: Vec<String> = world.tasks().iter().map(|task| task.head.scope.to_string()).collect();
    assert_eq!(scopes, ["", "all:0", "all:1", "all:2", "all:3"]);
}

#[test]
fn what_is_collected_is_in_the_order_of_the_items_and_the_step_says_how_many_failed() {
    let steps = isolate(json!({"collect": "{{ steps.isolate.output.id }}", "tolerate": 1}));
    let told = json!({"id": "told", "end": "{{ steps.all.output.results }}"});
    let mut world = World::begin(&playbook(json!([steps, told])), hosts(3));
    let attempts = std::mem::take(&mut world.attempts);
    world.end_attempt(&attempts[2], Ok(json!({"id": "c"})));
    world.end_attempt(&attempts[1], Err(FailureKind::Status));
    world.end_attempt(&attempts[0], Ok(json!({"id": "a"})));
    let output = output(&world);
    assert_eq!(
        (&output["items"], &output["completed"], &output["failed"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(output["results"], json!(["a", null, "c"]));
    assert_eq!(
        (&output["failures"][0]["index"], &output["failures"][0]["kind"]),
        (&json!(1), &json!("status"))
    );
    assert_eq!(world.execution().state.output.as_ref().unwrap().value(), json!(["a", null, "c"]));
}

#[test]
fn more_failures_than_tolerated_fail_the_step_after_all_items_have_run() {
    let mut world =
        World::begin(&playbook(json!([isolate(json!({"at_once": 1, "tolerate": "34%"}))])), hosts(3));
    world.end("isolate", Err(FailureKind::Status));
    world.end("isolate", Err(FailureKind::Status));
    assert_eq!(under_way(&world), ["ws-2"], "the others are not left out");
    world.end("isolate", Ok(json!({})));
    assert!(world.machine.ended());
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Item);
    assert!(
        error.message.contains("2 of 3 items failed; the first of them, item 0: step \"isolate\""),
        "{error}"
    );
    assert_eq!(output(&world)["not_started"], json!(0));
}

#[test]
fn with_stop_no_further_item_begins() {
    let each = isolate(json!({"at_once": 2, "on_item_failure": "stop", "on_failure": [{"end": "stopped"}]}));
    let mut world = World::begin(&playbook(json!([each])), hosts(9));
    world.end("isolate", Err(FailureKind::Status));
    assert_eq!(under_way(&world), ["ws-1"], "an item that has begun runs to its end");
    world.crash();
    assert_eq!(under_way(&world), ["ws-1"], "a crash lets no further one begin");
    world.end("isolate", Ok(json!({})));
    assert_eq!(world.execution().state.output.as_ref().unwrap().value(), json!("stopped"));
    assert_eq!((&output(&world)["completed"], &output(&world)["not_started"]), (&json!(1), &json!(7)));
}

#[test]
fn the_items_of_a_map_have_keys_and_a_value_that_is_neither_fails_the_step() {
    let each = json!({
        "id": "all", "for_each": "input.users", "do": [
            act("isolate", json!({"arguments": {"host": "{{ item_key }}={{ item }}"}})),
        ],
    });
    let world = World::begin(&playbook(json!([each])), json!({"users": {"ann": 1, "bob": 2}}));
    assert_eq!(under_way(&world), ["ann=1", "bob=2"]);
    let world = World::begin(&playbook(json!([each])), json!({"users": "ann"}));
    let error = world.execution().state.error.clone().unwrap();
    assert!(error.message.contains("needs a list or a map, not a text"), "{error}");
    let world = World::begin(&playbook(json!([each])), json!({"users": []}));
    assert_eq!(output(&world)["items"], json!(0));
    assert!(world.machine.ended() && world.execution().state.error.is_none());
}

#[test]
fn an_item_that_has_ended_leaves_memory_and_is_not_run_again_after_a_crash() {
    let last = act("last", json!({"arguments": {"done": "{{ steps.all.output.completed }}"}}));
    let mut world = World::begin(&playbook(json!([isolate(json!({})), last])), hosts(40));
    for n in 0..25 {
        world.end("isolate", Ok(json!({"n": n})));
    }
    assert_eq!(world.machine.task_documents().len(), 11, "the step itself, and ten items under way");
    assert_eq!(world.machine.open_scopes(), 11);
    let before = under_way(&world);
    world.crash();
    assert_eq!(under_way(&world), before);
    assert_eq!(world.machine.task_documents().len(), 11);
    for _ in 0..15 {
        world.end("isolate", Ok(json!({})));
    }
    assert_eq!(world.attempts[0].arguments["done"], json!(40));
    world.crash();
    assert_eq!(world.attempts[0].arguments["done"], json!(40), "the recorded output counts");
    world.end("last", Ok(json!({})));
    assert!(world.machine.ended());
}

#[test]
fn items_that_only_compute_are_spread_over_turns() {
    let choice = json!({"if": "item == 3", "then": [{"fail": "it is three"}]});
    let each = json!({"id": "all", "for_each": "input.n", "do": [choice], "tolerate": 1});
    let input = json!({ "n": (0..5_000).collect::<Vec<_>>() });
    let mut world = World::begin(&playbook(json!([each])), input);
    assert!(!world.machine.ended(), "others on the shard run in between");
    assert!(world.turns() > 3);
    assert!(world.machine.ended());
    assert_eq!((&output(&world)["completed"], &output(&world)["failed"]), (&json!(4_999), &json!(1)));
    assert_eq!(world.tasks().len(), 5_002);
}

#[test]
fn loops_nest_and_an_inner_one_reads_the_items_of_both() {
    let inner = json!({
        "id": "inner", "for_each": "host.disks", "as": "disk", "collect": "{{ host.name }}:{{ disk }}",
        "do": [{"delay": "1m"}],
    });
    let outer = json!({
        "id": "all", "for_each": "input.hosts", "as": "host", "do": [inner],
        "collect": "{{ steps.inner.output.results }}",
    });
    let input = json!({"hosts": [{"name": "a", "disks": [1, 2]}, {"name": "b", "disks": [3]}]});
    let mut world = World::begin(&playbook(json!([outer])), input);
    world.crash();
    while !world.machine.ended() {
        world.fire();
    }
    assert_eq!(output(&world)["results"], json!([["a:1", "a:2"], ["b:3"]]));
}

#[test]
fn a_list_may_be_larger_than_the_arguments_of_a_call() {
    let each = json!({"id": "all", "for_each": "input.many", "do": [{"if": "true", "then": []}]});
    let mut world = World::begin(&playbook(json!([each])), json!({"many": vec![7; 100_000]}));
    while !world.machine.ended() {
        world.fire();
        world.machine.forget(world.machine.leaving());
    }
    let output = world.execution().state.output.clone().unwrap().value();
    assert_eq!((output["items"].as_u64(), output["completed"].as_u64()), (Some(100_000), Some(100_000)));
}
