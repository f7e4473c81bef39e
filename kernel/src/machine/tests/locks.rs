//! Locks of targets by example: a call that asks for one stands in line first, and its target is told in one spelling.

use std::time::Duration;

use serde_json::json;
use updraft_protocol::limits::TARGET_LOCK_WAIT;
use updraft_protocol::{FailureKind, TaskStatus};

use super::world::{World, act, is_sound, playbook};

#[test]
fn a_call_with_a_lock_stands_in_line_and_tells_its_target_in_one_spelling() {
    let lock = |target: &str| json!({"lock": {"target": target, "wait": "5m"}});
    let mut world = World::begin(
        &playbook(json!([act("a", lock("{{ input.host }}"))])),
        json!({"host": " DC01.Example. "}),
    );
    assert_eq!((world.statuses(), world.called.len()), (vec![], 0), "nothing is written before");
    let task = world.waiting_calls[0];
    let own = |world: &World| match &world.machine.locks_of(world.waiting_calls[0])[..] {
        [lock] => lock.clone(),
        other => panic!("{other:?}"),
    };
    let lock = own(&world);
    assert_eq!((lock.owner, &*lock.target, lock.wait), (task, "dc01.example", Duration::from_secs(300)));
    world.crash();
    assert_eq!(own(&world), lock, "it is asked for again");
    world.permit(Ok(()));
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    assert_eq!(own(&world), lock, "each attempt needs it");
    let plain = World::begin(&playbook(json!([act("a", json!({"lock": {"target": 7}}))])), json!({}));
    let lock = own(&plain);
    assert_eq!((&*lock.target, lock.wait), ("7", TARGET_LOCK_WAIT));
}

#[test]
fn a_lock_of_nothing_fails_the_step_or_is_no_playbook() {
    let steps = json!([act("a", json!({"lock": {"target": "{{ input.host }}"}}))]);
    let world = World::begin(&playbook(steps), json!({"host": ""}));
    let state = &world.tasks()[0].state;
    assert_eq!((state.status, world.called.len()), (TaskStatus::Failed, 0));
    assert!(state.error.as_ref().unwrap().message.starts_with("lock.target: must not be empty"));
    for wrong in
        [json!({"target": ""}), json!({"target": [1]}), json!({"target": "h", "wait": "0s"}), json!({})]
    {
        let steps = playbook(json!([act("a", json!({"lock": wrong.clone()}))]));
        let sound = std::panic::catch_unwind(|| is_sound(&steps));
        assert!(!sound.unwrap_or(false), "{wrong}");
    }
}
