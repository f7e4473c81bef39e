//! Reruns from a step of any kind, and of loops that failed as a whole.

use serde_json::json;
use updraft_protocol::ExecutionStatus;

use super::reruns::{called, once, rerun};
use super::world::{World, act, playbook};

#[test]
fn from_a_step_of_any_kind_all_that_follows_it_runs_again() {
    let steps = json!([
        once("a"),
        {"id": "set", "set": {"x": "{{ steps.a.output }}"}},
        {"id": "if", "if": "true", "then": [once("then")]},
        {"id": "both", "parallel": "all", "branches": {"l": [once("left")], "r": [once("right")]}},
        {"id": "each", "for_each": "[1]", "do": [once("item")]},
        {"id": "rounds", "while": "round_index < 2", "do": [{"id": "inner", "if": "true", "then": []}, once("round")]},
        {"id": "body", "do": [once("done")], "finally": {"do": [once("last")]}},
        {"id": "end", "end": null},
    ]);
    let finish = |world: &mut World| {
        while !world.attempts.is_empty() {
            let attempt = world.attempts.remove(0);
            world.end_attempt(&attempt, Ok(json!(1)));
        }
        assert_eq!(world.ends, [ExecutionStatus::Completed]);
        called(world).len()
    };
    let playbook = json!({"format": 1, "name": "p", "version": 1, "variables": {"x": 0}, "steps": steps});
    let mut world = World::begin(&playbook, json!({}));
    assert_eq!(finish(&mut world), 9);
    // So many calls are not made again. A cleanup is done at each end.
    let kept = [
        ("a", 0),
        ("set", 1),
        ("if", 1),
        ("then", 1),
        ("both", 2),
        ("left", 3),
        ("each", 4),
        ("item", 4),
        ("rounds", 5),
        ("inner", 5),
        ("body", 7),
        ("done", 7),
        ("end", 8),
    ];
    for (from, kept) in kept {
        let (mut again, taken) = rerun(&world, Some(from));
        assert_eq!(finish(&mut again), 9 - kept, "from {from}, {taken} are taken over");
    }
}

#[test]
fn a_loop_that_had_all_its_rounds_and_a_verify_begin_anew() {
    let polls = json!({"id": "polls", "until": "steps.poll.output.done", "do": [once("poll")], "at_most": 2});
    let looks = act(
        "isolate",
        json!({"retry": {"attempts": 1}, "verify": {"action": "act", "arguments": {}, "until": "result.done", "at_most": 2}}),
    );
    for (step, looks_again, before) in [(polls, "poll", None), (looks, "look.isolate", Some("isolate"))] {
        let mut world = World::begin(&playbook(json!([once("a"), step])), json!({}));
        world.end("a", Ok(json!(1)));
        if let Some(before) = before {
            world.end(before, Ok(json!(1)));
        }
        for look in 0..2 {
            if look > 0 && before.is_some() {
                world.fire();
            }
            world.end(looks_again, Ok(json!({"done": false})));
        }
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
        let (mut again, taken) = rerun(&world, None);
        assert_eq!((taken, called(&again)), (1 + usize::from(before.is_some()), vec![looks_again]));
        again.end(looks_again, Ok(json!({"done": true})));
        assert_eq!(again.ends, [ExecutionStatus::Completed]);
    }
}

#[test]
fn in_a_round_what_runs_beside_a_step_does_not_follow_it() {
    let both = json!({"id": "both", "parallel": "all",
        "branches": {"a": [once("a1"), once("a2")], "b": [once("b1"), once("b2")]}});
    let rounds = json!({"id": "rounds", "until": "round_index == 1", "do": [both]});
    let mut world = World::begin(&playbook(json!([rounds])), json!({}));
    for step in ["a1", "b1", "a2", "b2", "a1", "b1", "a2", "b2"] {
        world.end(step, Ok(json!(1)));
    }
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    let (mut again, _) = rerun(&world, Some("a2"));
    assert_eq!(called(&again), ["a2"], "of the first round b2 is kept");
    for step in ["a2", "a1", "b1", "a2", "b2"] {
        again.end(step, Ok(json!(1)));
    }
    assert_eq!((again.ends.clone(), called(&again).len()), (vec![ExecutionStatus::Completed], 5));
}
