//! Locks of bodies by example: from before the first call inside until the step, or the item, has ended.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::{FailureKind, TaskId, TaskStatus};

use super::world::{World, act, is_sound, parallel, playbook};
use crate::machine::MachineEvent;

/// Waits for each call, and tells the locks that it needs.
fn needed(world: &World) -> Vec<Vec<(TaskId, String)>> {
    let named = |call: &TaskId| {
        let needed = world.machine.locks_of(*call).into_iter();
        needed.map(|lock| (lock.owner, lock.target.to_string())).collect()
    };
    world.waiting_calls.iter().map(named).collect()
}

/// The targets that the only call that waits needs to have locked.
fn targets(world: &World) -> Vec<String> {
    let [needed] = &needed(world)[..] else { panic!("{:?}", world.waiting_calls) };
    needed.iter().map(|(_, target)| target.clone()).collect()
}

/// The owner of the only lock that the call needs that waits.
fn owner(world: &World) -> TaskId {
    let needed = needed(world);
    let [needed] = &needed[..] else { panic!("{needed:?}") };
    let [(owner, _)] = &needed[..] else { panic!("{needed:?}") };
    *owner
}

fn id_of(world: &World, step: &str) -> TaskId {
    let tasks = world.tasks();
    tasks.iter().find(|task| task.head.step_id.as_str() == step).unwrap().task_request_id
}

fn begin(steps: Value) -> World {
    World::begin(&playbook(steps), json!({"host": " DC01.Example. ", "hosts": ["a", "b", "c"]}))
}

fn go_on(world: &mut World, step: &str) {
    world.permit(Ok(()));
    world.end(step, Ok(json!({})));
}

#[test]
fn a_choice_has_its_lock_until_its_path_goes_on() {
    let body = json!([act("a", json!({})), act("b", json!({}))]);
    let lock = json!({"target": "{{ input.host }}", "wait": "5m"});
    for choice in [
        json!({"id": "c", "if": "true", "then": body, "lock": lock}),
        json!({"id": "c", "switch": "1", "cases": [{"is": 1, "do": body}], "lock": lock}),
    ] {
        let mut world = begin(json!([choice, act("after", json!({}))]));
        assert_eq!((targets(&world), world.called.len()), (vec!["dc01.example".to_owned()], 0));
        let owner = owner(&world);
        assert_ne!(owner, id_of(&world, "c"), "the task of the choice has ended");
        assert_eq!(world.machine.locks_of(world.waiting_calls[0])[0].wait, Duration::from_secs(300));
        go_on(&mut world, "a");
        assert_eq!(
            (needed(&world), &world.unlocked[..]),
            (vec![vec![(owner, "dc01.example".to_owned())]], &[][..])
        );
        go_on(&mut world, "b");
        assert_eq!((&world.unlocked[..], world.waiting_calls.len()), (&[owner][..], 0));
        assert_eq!(world.called.last().unwrap().0, "after", "it needs no lock");
    }
}

#[test]
fn each_item_has_a_lock_of_its_own() {
    let each = json!({"id": "each", "for_each": "input.hosts", "as": "host", "at_once": 2,
        "do": [act("a", json!({}))], "lock": {"target": "{{ host }}"}});
    let mut world = begin(json!([each]));
    let first = needed(&world);
    let named: Vec<&str> = first.iter().flatten().map(|(_, target)| &**target).collect();
    assert_eq!(named, ["a", "b"]);
    assert_ne!(first[0][0].0, first[1][0].0);
    go_on(&mut world, "a");
    assert_eq!(world.unlocked, [first[0][0].0], "the item has ended, the step has not");
    go_on(&mut world, "a");
    go_on(&mut world, "a");
    assert_eq!((world.unlocked.len(), world.ends.len()), (3, 1));
}

#[test]
fn a_loop_has_its_lock_for_all_rounds_and_branches_share_that_of_their_step() {
    let steps = json!([
        {"id": "loop", "while": "round_index < 2", "do": [act("a", json!({}))], "lock": {"target": "h"}},
        act("after", json!({})),
    ]);
    let mut world = begin(steps);
    let loops = owner(&world);
    go_on(&mut world, "a");
    assert_eq!((owner(&world), world.unlocked.len()), (loops, 0));
    go_on(&mut world, "a");
    assert_eq!((world.unlocked, world.called.last().unwrap().0.as_str()), (vec![loops], "after"));

    let mut both = parallel("both", [act("a", json!({})), act("b", json!({}))]);
    both["lock"] = json!({"target": "h"});
    let mut world = begin(json!([both]));
    let shared = needed(&world);
    assert_eq!((shared.len(), &shared[0]), (2, &shared[1]));
    go_on(&mut world, "a");
    assert!(world.unlocked.is_empty());
    go_on(&mut world, "b");
    assert_eq!(world.unlocked, [shared[0][0].0]);
}

#[test]
fn nobody_waits_for_a_target_that_is_locked_around_and_the_outermost_lock_comes_first() {
    let locked = |target: &str| json!({"lock": {"target": target}});
    let inner = json!({"id": "inner", "if": "true", "lock": {"target": "i"}, "then": [
        act("own", locked("o")), act("same", locked("{{ input.host }}")),
        {"id": "again", "if": "true", "lock": {"target": "I"}, "then": [act("plain", json!({}))]},
    ]});
    let mut world = begin(json!([
        {"id": "outer", "if": "true", "lock": {"target": "dc01.example"}, "then": [inner]},
    ]));
    assert_eq!(targets(&world), ["dc01.example", "i", "o"]);
    go_on(&mut world, "own");
    assert_eq!(targets(&world), ["dc01.example", "i"]);
    go_on(&mut world, "same");
    assert_eq!(targets(&world), ["dc01.example", "i"]);
    assert!(world.unlocked.is_empty());
}

#[test]
fn a_child_starts_in_the_locks_of_the_bodies_around_its_step() {
    let child = json!({"id": "child", "playbook": "other", "on_timeout": [act("late", json!({}))]});
    let steps = json!([{"id": "c", "if": "true", "lock": {"target": "h"}, "then": [child]}]);
    let mut world = begin(steps.clone());
    assert_eq!((targets(&world), world.started.len()), (vec!["h".to_owned()], 0));
    assert_eq!(world.statuses(), ["c:completed"], "nothing is written before");
    world.crash();
    world.permit(Ok(()));
    assert_eq!((world.started.len(), world.statuses().len()), (1, 2));
    world.crash();
    assert_eq!(
        (world.started.len(), world.waiting_calls.len()),
        (2, 0),
        "one that has perhaps begun goes on"
    );
    let mut world = begin(steps);
    world.permit(Err(FailureKind::Expired));
    assert_eq!(
        (world.started.len(), world.statuses()),
        (0, vec!["c:completed".into(), "child:failed".to_owned()])
    );
    assert_eq!(targets(&world), ["h"], "what it does then is in the lock too");
}

#[test]
fn a_crash_changes_no_lock_whatever_was_set_meanwhile() {
    let plain = json!([act("a", json!({})), act("b", json!({}))]);
    let body = json!([plain[0], {"set": {"host": "other"}}, plain[1]]);
    for step in [
        json!({"id": "s", "if": "true", "then": body}),
        json!({"id": "s", "while": "round_index < 2", "do": body}),
        json!({"id": "s", "parallel": "all", "branches": {"x": plain}}),
        json!({"id": "s", "for_each": "[1]", "do": plain}),
        json!({"id": "s", "do": body, "finally": [act("f", json!({}))]}),
    ] {
        let mut step = step;
        step["lock"] = json!({"target": "{{ variables.host }} {{ now }}"});
        let mut written = playbook(json!([act("first", json!({})), step]));
        written["variables"] = json!({"host": "h"});
        let mut world = World::begin(&written, json!({}));
        world.now.0 += 1_000;
        world.end("first", Ok(json!({})));
        let before = needed(&world);
        go_on(&mut world, "a");
        assert_eq!(needed(&world), before);
        world.now.0 += 60_000;
        world.crash();
        assert_eq!(needed(&world), before, "{step}");
        go_on(&mut world, "b");
        if let Some(next) = needed(&world).first() {
            assert_eq!(*next, before[0], "{step}");
        }
    }
}

#[test]
fn a_step_that_is_cancelled_lets_go_and_what_cleans_up_in_it_is_in_its_lock() {
    let guarded = json!([{"do": [act("a", json!({}))], "finally": [act("f", json!({}))]}]);
    let steps = json!([{"id": "c", "parallel": "all", "branches": {"x": guarded}, "lock": {"target": "h"}}]);
    let mut world = begin(steps);
    let lock = owner(&world);
    world.permit(Ok(()));
    world.apply(MachineEvent::Cancel(None));
    assert_eq!((owner(&world), world.unlocked.len()), (lock, 0));
    go_on(&mut world, "f");
    assert_eq!((world.unlocked, world.ends.len()), (vec![lock], 1));

    let left = json!({"id": "c", "if": "true", "then": [act("a", json!({}))], "lock": {"target": "h"}});
    let mut world = begin(json!([{"do": [left], "finally": [act("f", json!({}))]}]));
    let lock = owner(&world);
    world.apply(MachineEvent::Cancel(None));
    assert_eq!((world.unlocked, world.called.last().unwrap().0.as_str()), (vec![lock], "f"));
}

#[test]
fn handlers_of_a_step_are_not_in_its_lock_those_of_its_steps_are() {
    let failing = act(
        "a",
        json!({"retry": {"attempts": 1}, "on_failure": [act("inside", json!({"retry": {"attempts": 1}}))]}),
    );
    let mut both = parallel("both", [failing]);
    both["lock"] = json!({"target": "h"});
    both["on_failure"] = json!([act("outside", json!({}))]);
    let mut world = begin(json!([both]));
    let lock = owner(&world);
    world.permit(Ok(()));
    world.end("a", Err(FailureKind::Status));
    assert_eq!(owner(&world), lock);
    world.permit(Ok(()));
    world.end("inside", Err(FailureKind::Status));
    assert_eq!((world.unlocked, world.called.last().unwrap().0.as_str()), (vec![lock], "outside"));
}

#[test]
fn a_lock_of_nothing_fails_the_step_or_the_item() {
    let body = json!([act("a", json!({}))]);
    let world = begin(json!([{"id": "c", "if": "true", "then": body, "lock": {"target": "{{ input.no }}"}}]));
    let state = &world.tasks()[0].state;
    assert_eq!((state.status, world.called.len(), world.ends.len()), (TaskStatus::Failed, 0, 1));
    assert!(state.error.as_ref().unwrap().message.contains("lock.target"), "{:?}", state.error);
    let each = json!({"id": "each", "for_each": "['', 'h']", "do": body, "tolerate": 1, "lock": {"target": "{{ item }}"}});
    let mut world = begin(json!([each]));
    assert_eq!(targets(&world), ["h"]);
    world.crash();
    go_on(&mut world, "a");
    let tasks = world.tasks();
    let output =
        tasks.iter().find(|task| task.head.step_id.as_str() == "each").unwrap().state.response.clone();
    let output = output.unwrap().to_string();
    assert!(output.contains(r#""completed":1,"failed":1"#), "{output}");
    for wrong in
        [json!({"target": ""}), json!({"target": "{{ item }}"}), json!({"target": "h", "wait": "0s"})]
    {
        assert!(!is_sound(&playbook(json!([{"if": "true", "then": body, "lock": wrong}]))), "{wrong}");
    }
}
