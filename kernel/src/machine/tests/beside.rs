//! Bodies beside the wait of an approval: when they begin, what they read, and that they end with the wait.

use serde_json::{Value, json};
use updraft_protocol::{Applied, ControlRefusal, ExecutionStatus, FailureKind, TaskId};

use super::world::{World, act, is_sound, playbook};

/// An approval of ten minutes with these bodies, and an action after it.
fn asked(beside: &Value) -> World {
    let mut step = json!({ "id": "ask", "approval": "Isolate h1?", "timeout": "10m" });
    step.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    World::begin(&playbook(json!([step, act("then", json!({}))])), json!({}))
}

fn gate(world: &World) -> TaskId {
    world.tasks()[0].task_request_id
}

/// The stored tasks beside the wait as `scope:status`.
fn beside(world: &World) -> Vec<String> {
    let tasks = world.tasks();
    let inside = tasks.iter().filter(|task| task.head.scope.as_str() != "");
    inside.map(|task| format!("{}:{}", task.head.scope, task.state.status)).collect()
}

#[test]
fn each_body_begins_in_its_time_and_reads_what_is_asked() {
    let asks = |id: &str| act(id, json!({"arguments": {"asks": "{{ approval }}"}}));
    let mut world = asked(&json!({
        "on_open": [asks("tell")],
        "on_reminder": {"every": "3m", "do": [asks("remind")]},
        "on_escalation": {"after": "4m", "do": [asks("escalate")]},
    }));
    let start = world.now;
    let told = world.attempts[0].arguments.get("asks").unwrap().clone();
    let expected = json!({
        "id": gate(&world), "execution": world.machine.peid(), "question": "Isolate h1?",
        "choices": ["approve", "refuse"], "until": "1970-01-01T00:26:40.000Z", "reminder": null,
    });
    assert_eq!(told, expected);
    world.end("tell", Ok(json!({})));
    let mut seen = Vec::new();
    for step in ["remind", "escalate", "remind", "remind"] {
        world.crash();
        world.fire();
        seen.push((world.now.since(start) / 1_000, world.attempts[0].arguments["asks"]["reminder"].as_u64()));
        world.crash();
        world.end(step, Ok(json!({})));
    }
    assert_eq!(seen, [(180, Some(0)), (240, None), (360, Some(1)), (540, Some(2))]);
    let scopes = ["ask:on_open", "ask:0", "ask:on_escalation", "ask:1", "ask:2"];
    assert_eq!(beside(&world), scopes.map(|scope| format!("{scope}:completed")));
    world.fire();
    assert_eq!(world.now.since(start), 600_000);
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    assert_eq!(world.tasks()[0].state.error.as_ref().unwrap().kind, FailureKind::Expired);
    assert!(world.tasks()[0].state.error.as_ref().unwrap().message.contains("within 10m"));
}

#[test]
fn the_answer_ends_what_runs_beside_the_wait() {
    let mut world = asked(&json!({
        "on_open": [act("tell", json!({})), act("again", json!({}))],
        "on_reminder": {"every": "1m", "do": [{"id": "pause", "delay": "5m"}, act("remind", json!({}))]},
    }));
    world.fire();
    assert_eq!(world.answer(gate(&world), "ana", &[], "approve"), Ok(Applied::Decided));
    assert_eq!(world.statuses(), ["ask:completed", "tell:cancelled", "pause:cancelled", "then:executing"]);
    world.crash();
    assert_eq!(world.attempts.len(), 1);
    world.end("then", Ok(json!({})));
    assert_eq!(world.ends, [ExecutionStatus::Completed]);
    assert_eq!(world.machine.open_scopes(), 1);
}

#[test]
fn a_call_that_may_act_at_most_once_is_waited_for_and_the_answer_is_kept_over_a_crash() {
    for crash in [false, true] {
        let once = act("tell", json!({"at_most_once": true}));
        let mut world = asked(&json!({"on_open": [once, act("again", json!({}))]}));
        assert_eq!(world.answer(gate(&world), "ana", &[], "approve"), Ok(Applied::Decided));
        assert_eq!(world.statuses(), ["ask:waiting", "tell:executing"], "it may have acted");
        assert_eq!(world.answer(gate(&world), "ana", &[], "approve"), Ok(Applied::Repeated));
        let late = world.answer(gate(&world), "ben", &[], "refuse").unwrap_err();
        assert!(matches!(&late, ControlRefusal::Answered { uid, .. } if &**uid == "ana"), "{late}");
        if crash {
            world.crash();
            assert_eq!(world.statuses(), ["ask:completed", "tell:unknown", "then:executing"]);
        } else {
            world.end("tell", Ok(json!({})));
            assert_eq!(world.statuses(), ["ask:completed", "tell:completed", "then:executing"]);
        }
        let output = world.tasks()[0].state.response.clone().unwrap();
        assert_eq!(output.value()["answers"][0]["uid"].as_str(), Some("ana"));
    }
}

#[test]
fn an_answer_after_the_time_is_over_does_not_count_while_a_call_is_waited_for() {
    let mut world = asked(&json!({"on_open": [act("tell", json!({"at_most_once": true}))]}));
    world.fire();
    let late = world.answer(gate(&world), "ana", &[], "approve").unwrap_err();
    assert!(matches!(late, ControlRefusal::Over(_)), "{late}");
    world.crash();
    assert_eq!(world.statuses(), ["ask:failed", "tell:unknown"]);
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn neither_the_end_nor_the_failure_of_a_body_ends_the_wait() {
    for last in [json!({"id": "no", "fail": "no"}), json!({"id": "yes", "end": {"choice": "approve"}})] {
        let mut world = asked(
            &json!({"on_open": [last], "on_escalation": {"after": "1m", "do": [act("ring", json!({}))]}}),
        );
        world.fire();
        world.end("ring", Err(FailureKind::Status));
        assert_eq!(world.statuses()[0], "ask:waiting");
        assert!(world.statuses().contains(&"ring:failed".to_owned()), "it is recorded");
        assert_eq!(world.answer(gate(&world), "ana", &[], "approve"), Ok(Applied::Decided));
    }
}

#[test]
fn reminders_that_were_missed_are_not_made_up_for_and_none_overtakes_another() {
    let mut world = asked(&json!({"on_reminder": {"every": "1m", "do": [act("remind", json!({}))]}}));
    world.fire();
    // The first one runs when the next two are due.
    world.fire();
    world.fire();
    assert_eq!(beside(&world), ["ask:0:executing"]);
    world.end("remind", Ok(json!({})));
    let now = world.now;
    world.now = now.after(std::time::Duration::from_secs(150));
    world.crash();
    world.fire();
    assert_eq!(beside(&world), ["ask:0:completed", "ask:4:executing"]);
    world.end("remind", Ok(json!({})));
    world.fire();
    assert_eq!(world.now.since(now), 180_000, "the schedule stays");
    assert_eq!(beside(&world), ["ask:0:completed", "ask:4:completed", "ask:5:executing"]);
}

#[test]
fn an_approval_in_a_branch_that_lost_ends_with_its_bodies() {
    let once = act("tell", json!({"at_most_once": true}));
    let ask = json!({"id": "ask", "approval": "?", "on_open": [once]});
    let any = json!({"id": "any", "parallel": "any", "branches": {"a": [ask], "b": [act("b", json!({}))]}});
    for crash in [false, true] {
        let mut world = World::begin(&playbook(json!([any])), json!({}));
        world.end("b", Ok(json!({})));
        assert_eq!(world.statuses(), ["any:executing", "ask:waiting", "tell:executing", "b:completed"]);
        if crash {
            world.crash()
        } else {
            world.end("tell", Ok(json!({})))
        }
        let told = if crash { "tell:unknown" } else { "tell:completed" };
        assert_eq!(world.statuses(), ["any:completed", "ask:cancelled", told, "b:completed"]);
        assert_eq!(world.ends, [ExecutionStatus::Completed]);
    }
}

#[test]
fn a_body_that_never_runs_or_is_empty_is_a_mistake_and_what_it_does_is_read_inside_alone() {
    let sound = |beside: Value, more: Value| {
        let mut step = json!({ "id": "ask", "approval": "?", "timeout": "1h" });
        step.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        is_sound(&playbook(json!([step, more])))
    };
    let tell = || json!([{"id": "tell", "delay": "1m"}]);
    let end = || json!({"end": null});
    assert!(sound(json!({"on_open": tell()}), end()));
    assert!(!sound(json!({"on_open": []}), end()));
    assert!(!sound(json!({"on_reminder": {"every": "1h", "do": tell()}}), end()));
    assert!(!sound(json!({"on_escalation": {"after": "2h", "do": tell()}}), end()));
    assert!(!sound(json!({"on_open": tell()}), json!({"end": "{{ steps.tell.status }}"})));
    assert!(!sound(json!({"on_open": [{"end": "{{ steps.ask.status }}"}]}), end()));
    assert!(!sound(json!({}), json!({"end": "{{ approval.id }}"})), "it is there beside the wait alone");
    let named = json!({"for_each": "[1]", "as": "approval", "do": tell()});
    assert!(!is_sound(&playbook(json!([named]))));
}
