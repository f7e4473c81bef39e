//! Reruns with another input: what may have come of what differs runs again.

use std::collections::BTreeMap;

use serde_json::json;
use updraft_protocol::{FailureKind, Json};

use super::world::{World, act, playbook};
use crate::rerun::RerunPlan;

#[test]
fn another_input_runs_again_what_may_have_come_of_what_differs_and_every_approval() {
    let reads = |id: &str, text: &str| act(id, json!({"arguments": {"n": text}, "retry": {"attempts": 1}}));
    let once = |id: &str| act(id, json!({"retry": {"attempts": 1}}));
    let ask = json!({"id": "ask", "approval": "isolate?", "group": "leads"});
    let steps = json!([
        reads("a", "{{ input.hash }}"),
        reads("b", "{{ input.host }}"),
        reads("c", "{{ steps.b.output.n }}"),
        reads("d", "{{ steps.a.output.n }}"),
        {"id": "choice", "if": "input.host == 'x'", "then": [once("e")]},
        {"id": "set", "set": {"v": "{{ input.host }}"}},
        reads("f", "{{ variables.v }}"),
        {"id": "each", "for_each": "input.list", "do": [once("g")]},
        reads("h", "{{ steps.each.output }}"),
        ask,
        once("z")
    ]);
    let mut world = World::begin(&playbook(steps), json!({"hash": 1, "host": "x", "list": [1]}));
    for step in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        world.end(step, Ok(json!({"n": 1})));
    }
    let _ = world.answer(world.task_of("ask"), "ana", &["leads"], "approve").unwrap();
    world.end("z", Err(FailureKind::Status));
    let (plan, standings, declared) = (world.machine.plan().clone(), BTreeMap::new(), BTreeMap::new());
    let before = world.execution().head.input.clone();
    for (now, expected) in [
        (json!({"hash": 1, "host": "y", "list": [1]}), vec!["a", "d", "each", "h"]),
        (json!({"hash": 1, "host": "x", "list": [1, 2]}), vec!["a", "b", "c", "d", "e", "f"]),
        (
            json!({"hash": 1, "host": "x", "list": [1], "new": 1}),
            vec!["a", "b", "c", "d", "e", "f", "each", "h"],
        ),
        (json!(7), vec![]),
    ] {
        let rerun = RerunPlan {
            plan: &plan,
            playbooks: None,
            inputs: Some((&before, &Json::from(now.clone()))),
            from: None,
            standings: &standings,
            declared: &declared,
        };
        let results = rerun.results(world.tasks()).unwrap();
        let kept: Vec<&str> = results.iter().map(|task| task.head.step_id.as_str()).collect();
        assert_eq!(kept, expected, "{now}");
    }
}
