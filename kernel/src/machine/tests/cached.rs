//! Kept answers by example: what is found ends an attempt that was never made, and is recorded with its age; what is not found is
//! asked of the tool, and recorded too.

use serde_json::{Value, json};
use updraft_protocol::{
    CacheFound, CacheUse, ExecutionStatus, Failure, FailureKind, Json, TaskId, TaskStatus,
};

use super::world::{World, act, playbook};
use crate::machine::{LookedUp, MachineEvent};
use crate::plan::CachedKey;

fn look(id: &str, cache: Value, more: Value) -> Value {
    let mut step = act(id, more);
    step["action"] = json!("look");
    step["arguments"] = json!({"hash": "{{ input.hash }}"});
    step["cache"] = cache;
    step
}

fn begin(step: Value) -> World {
    World::begin(&playbook(json!([step, act("then", json!({}))])), json!({"hash": "44D8"}))
}

fn hit(age: u64) -> CacheUse {
    CacheUse { found: CacheFound::Hit, age }
}

impl World {
    /// The one call that waits, for which kept answers are asked.
    fn asks(&self) -> TaskId {
        let [task] = self.waiting_calls[..] else { panic!("{:?}", self.waiting_calls) };
        assert!(self.machine.cached_call(task).is_some());
        task
    }

    fn found(&mut self, outcome: Result<Value, Failure>, used: CacheUse) {
        let task = self.asks();
        self.waiting_calls.clear();
        let found = LookedUp::Found(outcome.map(Json::from), used);
        self.apply(MachineEvent::LookedUp { task, found });
    }

    fn missed(&mut self) {
        let task = self.asks();
        self.apply(MachineEvent::LookedUp { task, found: LookedUp::Miss });
        assert!(self.machine.cached_call(task).is_none(), "it is asked once");
    }

    fn record(&self) -> Option<CacheUse> {
        self.tasks()[0].state.call.as_ref().and_then(|call| call.cache)
    }
}

#[test]
fn what_is_found_is_the_answer_and_no_call_is_made() {
    let mut world = begin(look("a", json!({"ttl": "1h"}), json!({})));
    assert_eq!((world.statuses(), world.called.len()), (vec![], 0));
    world.found(Ok(json!({"score": 9})), hit(60_000));
    assert_eq!(world.statuses(), ["a:completed", "then:executing"]);
    let task = world.tasks()[0].clone();
    assert_eq!((task.state.attempt, task.state.response), (1, Some(Json::from(json!({"score": 9})))));
    assert_eq!(world.record(), Some(hit(60_000)));
    assert_eq!(world.called.iter().map(|(step, _)| &**step).collect::<Vec<_>>(), ["then"]);
    world.assert_stored_is_current();
    world.crash();
    assert_eq!(world.statuses(), ["a:completed", "then:executing"], "what was found is what is recorded");
    world.end("then", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn what_is_not_found_is_asked_of_the_tool_and_a_crash_asks_again() {
    let mut world = begin(look("a", json!({"ttl": "1h"}), json!({})));
    world.missed();
    world.crash();
    world.missed();
    world.permit(Ok(()));
    assert_eq!((world.record(), world.called.len()), (Some(CacheUse::MISS), 1));
    world.end("a", Err(FailureKind::Unreachable));
    world.fire();
    world.found(Ok(json!(1)), hit(5));
    let task = &world.tasks()[0];
    assert_eq!((task.state.status, task.state.attempt), (TaskStatus::Completed, 2));
    assert_eq!(
        (world.record(), world.called.len()),
        (Some(hit(5)), 2),
        "the second call is that of the next step"
    );
    world.assert_stored_is_current();
}

#[test]
fn that_there_is_nothing_fails_the_step_as_the_tool_would() {
    let handled = json!({"on_failure": "continue"});
    let mut world = begin(look("a", json!({"ttl": "1h", "negative_ttl": "5m"}), handled));
    let absent = Failure::new(FailureKind::Status, "not found").with_retryable(false);
    world.found(Err(absent), CacheUse { found: CacheFound::Shared, age: 7 });
    assert_eq!(world.statuses(), ["a:failed", "then:executing"]);
    assert_eq!(world.record(), Some(CacheUse { found: CacheFound::Shared, age: 7 }));
}

#[test]
fn a_driver_without_a_cache_makes_the_call_and_nothing_is_recorded_of_one() {
    let mut world = begin(look("a", json!({"ttl": "1h"}), json!({})));
    world.permit(Ok(()));
    world.end("a", Ok(json!(1)));
    assert_eq!((world.record(), world.statuses()[0].as_str()), (None, "a:completed"));
    for cache in [json!("none"), Value::Null] {
        let mut step = look("a", cache.clone(), json!({}));
        if cache.is_null() {
            step.as_object_mut().expect("a map").remove("cache");
        }
        let world = begin(step);
        assert_eq!((world.waiting_calls.len(), world.called.len()), (0, 1), "it asks its tool at once");
    }
}

#[test]
fn a_key_is_what_the_step_says_and_one_that_cannot_be_said_fails_it() {
    let key = |key: &str| {
        let world = begin(look("a", json!({"ttl": "1h", "key": key}), json!({})));
        let task = world.waiting_calls[0];
        world.machine.cached_call(task).map(|call| call.key).expect("it asks")
    };
    assert_eq!(key("{{ input.hash | lower }}"), Ok(CachedKey::Written(Json::from(json!("44d8")))));
    let refused = key("{{ input.nothing.there }}").expect_err("there is no such field");
    assert!(refused.message.starts_with("cache.key: "), "{refused}");
    let mut world = begin(look("a", json!({"ttl": "1h"}), json!({})));
    let task = world.asks();
    world.apply(MachineEvent::LookedUp { task, found: LookedUp::Refused(refused) });
    assert_eq!((world.statuses(), world.called.len()), (vec!["a:failed".to_owned()], 0));
}

#[test]
fn a_call_that_no_longer_waits_is_not_answered() {
    let mut world = begin(look("a", json!({"ttl": "1h"}), json!({})));
    let task = world.asks();
    world.apply(MachineEvent::Cancel(None));
    world.apply(MachineEvent::LookedUp { task, found: LookedUp::Found(Ok(Json::null()), hit(1)) });
    assert_eq!((world.ends.clone(), world.statuses()), (vec![ExecutionStatus::Cancelled], vec![]));
}
