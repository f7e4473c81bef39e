//! Scopes by example: the scopes and ids of tasks, and the data that remains of a scope that has ended.

use serde_json::json;
use updraft_protocol::{Omission, ScopePath, StepId, TaskId, WaitKind};

use super::world::{World, act, parallel, playbook};

/// A `parallel` step inside of a branch of another, and a step after both.
fn nested() -> serde_json::Value {
    playbook(json!([
        {
            "id": "outer", "parallel": "all",
            "branches": {
                "inner": [parallel("inner", [act("a", json!({})), act("b", json!({}))])],
                "c": [act("c", json!({}))],
            },
        },
        act("last", json!({"arguments": {"read": "{{ steps.a.output.n }}"}})),
    ]))
}

#[test]
fn a_task_is_named_by_scope_and_step_in_whatever_order_tasks_begin() {
    let mut world = World::begin(&nested(), json!({}));
    for step in ["c", "b", "a"] {
        world.end(step, Ok(json!({"n": 7})));
    }
    let scopes: Vec<String> =
        world.tasks().iter().map(|task| format!("{} {}", task.head.scope, task.head.step_id)).collect();
    let expected = [
        " outer",
        "outer:inner inner",
        "outer:c c",
        "outer:inner/inner:a a",
        "outer:inner/inner:b b",
        " last",
    ];
    assert_eq!(scopes, expected);
    for task in world.tasks() {
        let id = TaskId::derive(task.head.peid, &task.head.scope, &task.head.step_id);
        assert_eq!(task.task_request_id, id);
    }
    assert_eq!(world.attempts[0].arguments.get("read").and_then(|n| n.as_u64()), Some(7));
}

#[test]
fn a_scope_that_has_ended_is_dropped_and_what_it_did_can_still_be_read() {
    let mut world = World::begin(&nested(), json!({}));
    assert_eq!(world.machine.open_scopes(), 5, "the main line, two branches, and two inside of the first");
    world.end("a", Ok(json!({"n": 1})));
    world.end("b", Ok(json!({})));
    assert_eq!(world.machine.open_scopes(), 2);
    world.crash();
    assert_eq!(world.machine.open_scopes(), 2, "a crash opens none again");
    world.end("c", Ok(json!({})));
    assert_eq!(world.machine.open_scopes(), 1);
    assert_eq!(world.attempts[0].arguments.get("read").and_then(|n| n.as_u64()), Some(1));
    world.end("last", Ok(json!({})));
    assert!(world.machine.ended());
}

#[test]
fn the_intent_of_a_call_keeps_what_the_tool_is_told() {
    let steps = json!([
        act("a", json!({"arguments": {"host": "{{ input.host }}"}})),
        act("b", json!({"arguments": {"host": "x"}, "record": "none"})),
        act("c", json!({"action": "look", "arguments": {"host": "ws-17"}})),
        {"id": "d", "delay": "1m"},
    ]);
    let mut world = World::begin(&playbook(steps), json!({"host": "ws-17"}));
    let call = |world: &World, at: usize| world.tasks()[at].state.call.clone().unwrap();
    assert_eq!(call(&world, 0).arguments.as_ref().unwrap().value(), json!({"host": "ws-17"}));
    for step in ["a", "b", "c"] {
        world.end(step, Ok(json!({})));
    }
    let (a, b, c) = (call(&world, 0), call(&world, 1), call(&world, 2));
    assert_eq!((&b.arguments, b.omitted), (&None, Some(Omission::Author)));
    assert_eq!((&c.arguments, c.omitted), (&None, None), "what looks something up keeps the hash alone");
    assert!(a.hash == c.hash && a.hash != b.hash);
    let wait = world.tasks()[3].state.wait.clone().unwrap();
    assert_eq!((wait.kind, wait.until.map(|until| until.since(wait.since))), (WaitKind::Delay, Some(60_000)));
    assert_eq!(world.tasks()[3].head.scope, ScopePath::MAIN);
    assert_eq!(world.tasks()[3].head.step_id, StepId::new("d").unwrap());
}
