//! Signals: which wait takes which, what is kept, and what is refused.

use serde_json::json;
use updraft_protocol::limits::{SIGNAL_BYTES, SIGNAL_WAIT, SIGNALS_KEPT};
use updraft_protocol::{Applied, ControlRefusal, ExecutionStatus, FailureKind, Name, WaitKind};

use super::world::{World, act, parallel, playbook};

fn wait_for(id: &str, more: serde_json::Value) -> serde_json::Value {
    let mut step = json!({ "id": id, "wait_for": "closed" });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

#[test]
fn a_signal_ends_the_wait_for_it_and_its_payload_is_the_output() {
    let then = act("tell", json!({"arguments": {"by": "{{ steps.w.output.by }}"}}));
    let mut world = World::begin(&playbook(json!([wait_for("w", json!({})), then])), json!({}));
    assert_eq!(world.statuses(), ["w:waiting"]);
    let wait = world.tasks()[0].state.wait.clone().unwrap();
    assert_eq!((wait.kind, wait.subject.as_deref()), (WaitKind::Signal, Some("closed")));
    assert_eq!(wait.until, Some(wait.since.after(SIGNAL_WAIT)));
    assert_eq!(world.machine.idle_until(), wait.until, "it leaves memory");
    world.crash();
    assert_eq!(world.signal("1", "closed", None, json!({"by": "ana"})), Ok(Applied::Taken));
    assert_eq!(world.attempts[0].arguments, json!({"by": "ana"}));
    assert_eq!(world.signal("1", "closed", None, json!({"by": "ana"})), Ok(Applied::Repeated));
    world.assert_stored_is_current();
}

#[test]
fn a_signal_that_comes_before_its_wait_is_kept_through_a_crash_and_taken_once() {
    let steps = json!([act("a", json!({})), wait_for("w", json!({})), wait_for("v", json!({}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    assert_eq!(world.signal("1", "closed", None, json!(7)), Ok(Applied::Kept));
    assert_eq!(world.signal("1", "closed", None, json!(7)), Ok(Applied::Repeated));
    world.crash();
    world.end("a", Ok(json!(null)));
    assert_eq!(world.statuses(), ["a:completed", "w:completed", "v:waiting"]);
    assert_eq!(world.tasks()[1].state.response, Some(json!(7).into()));
    world.crash();
    assert_eq!(world.statuses(), ["a:completed", "w:completed", "v:waiting"]);
    assert_eq!(world.signal("1", "closed", None, json!(7)), Ok(Applied::Repeated), "it was taken");
    assert_eq!(world.signal("2", "closed", None, json!(8)), Ok(Applied::Taken));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.execution().state.output, Some(json!(8).into()));
}

#[test]
fn name_and_key_have_to_fit_and_the_oldest_wait_is_served_first() {
    let waits = [
        wait_for("any", json!({})),
        wait_for("one", json!({"key": "{{ input.ticket }}"})),
        wait_for("two", json!({"key": 7})),
    ];
    let mut world = World::begin(&playbook(json!([parallel("all", waits)])), json!({"ticket": "7"}));
    let status = |world: &World| world.statuses()[1..].join(" ");
    assert_eq!(world.signal("a", "closed", Some("8"), json!(0)), Ok(Applied::Kept));
    assert_eq!(world.signal("b", "closed", Some("7"), json!(1)), Ok(Applied::Taken));
    assert_eq!(status(&world), "any:waiting one:completed two:waiting");
    assert_eq!(world.signal("c", "closed", Some("7"), json!(2)), Ok(Applied::Taken));
    assert_eq!(status(&world), "any:waiting one:completed two:completed");
    assert_eq!(world.signal("d", "closed", None, json!(3)), Ok(Applied::Taken));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_wait_ends_at_its_time_and_its_path_fails_unless_it_is_handled() {
    for (handler, end) in
        [(json!("continue"), ExecutionStatus::Completed), (json!(null), ExecutionStatus::Failed)]
    {
        let mut step = wait_for("w", json!({"timeout": "2h"}));
        if !handler.is_null() {
            step["on_timeout"] = handler;
        }
        let mut world = World::begin(&playbook(json!([step])), json!({}));
        let begun = world.now;
        world.crash();
        world.fire();
        assert_eq!((world.now.since(begun), world.statuses()), (7_200_000, vec!["w:failed".to_owned()]));
        let error = world.tasks()[0].state.error.clone().unwrap();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (FailureKind::Expired, "no signal \"closed\" came within 2h")
        );
        assert_eq!(world.ends, [end]);
    }
}

#[test]
fn a_signal_for_steps_that_have_all_ended_is_refused_and_one_for_a_loop_is_kept() {
    let each = json!({"id": "each", "for_each": "[1, 2]", "at_once": 1,
        "do": [{"id": "v", "wait_for": "opened"}]});
    let waits = wait_for("w", json!({"timeout": "1h", "on_timeout": "continue"}));
    let steps = json!([parallel("all", [waits, wait_for("x", json!({"key": 7}))]), each]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.fire();
    assert_eq!(
        world.signal("1", "closed", None, json!(1)),
        Ok(Applied::Kept),
        "a step waits, by another key"
    );
    assert_eq!(world.signal("2", "closed", Some("7"), json!(1)), Ok(Applied::Taken));
    let over = ControlRefusal::NoLongerAwaited(Name::new("closed").unwrap());
    world.crash();
    assert_eq!(world.signal("3", "closed", None, json!(1)), Err(over));
    assert_eq!(world.signal("2", "closed", Some("7"), json!(1)), Ok(Applied::Repeated));
    for (id, told) in [("4", Applied::Taken), ("5", Applied::Taken)] {
        assert_eq!(world.signal(id, "opened", None, json!(1)), Ok(told));
    }
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let steps = json!([act("a", json!({})), wait_for("w", json!({}))]);
    let mut world = World::begin(&playbook(steps), json!({}));
    let before = world.machine.document();
    let other = ControlRefusal::NotAwaited(Name::new("close").unwrap());
    assert_eq!(world.signal("1", "close", None, json!(0)), Err(other));
    assert_eq!(world.signal("", "closed", None, json!(0)), Err(ControlRefusal::NotKey));
    assert_eq!(world.signal("1", "closed", Some(""), json!(0)), Err(ControlRefusal::NotKey));
    let large = json!("x".repeat(SIGNAL_BYTES));
    assert_eq!(world.signal("1", "closed", None, large), Err(ControlRefusal::TooLarge(SIGNAL_BYTES + 2)));
    assert_eq!(world.machine.document(), before);
    for number in 0..SIGNALS_KEPT {
        assert_eq!(world.signal(&number.to_string(), "closed", None, json!(number)), Ok(Applied::Kept));
    }
    assert_eq!(world.signal("more", "closed", None, json!(0)), Err(ControlRefusal::TooManySignals));
    world.end("a", Ok(json!(null)));
    assert_eq!(world.execution().state.output, Some(json!(0).into()), "the oldest");
}

#[test]
fn a_key_that_is_no_single_value_fails_the_step() {
    for key in [json!(""), json!(["a"]), json!(null)] {
        let steps = json!([wait_for("w", json!({"key": "{{ input.key }}"}))]);
        let mut world = World::begin(&playbook(steps), json!({"key": key}));
        assert_eq!(world.statuses(), ["w:failed"], "{key}");
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
        world.turns();
    }
}
