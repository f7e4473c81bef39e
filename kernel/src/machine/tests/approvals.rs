//! Approvals: who may answer, what decides, what goes on, and what comes too late.

use serde_json::{Value, json};
use updraft_protocol::limits::{APPROVAL_WAIT, QUESTION_BYTES};
use updraft_protocol::{
    Applied, ApprovalAnswer, ControlRefusal, ExecutionStatus, FailureKind, StepId, TaskId, TaskStatus,
    WaitKind,
};

use super::world::{World, act, parallel, playbook};
use crate::machine::late_answer;

/// An approval with these additional fields, and an action after it.
fn asked(more: &Value, input: Value) -> World {
    let mut step = json!({ "id": "ok", "approval": "Isolate {{ input.host }}?" });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    World::begin(&playbook(json!([step, act("isolate", json!({}))])), input)
}

fn gate(world: &World) -> TaskId {
    world.tasks()[0].task_request_id
}

#[test]
fn only_an_approval_goes_on() {
    for (choice, statuses, end) in [
        ("approve", vec!["ok:completed", "isolate:executing"], None),
        ("refuse", vec!["ok:failed"], Some(ExecutionStatus::Failed)),
    ] {
        let mut world = asked(&json!({}), json!({"host": "h1"}));
        let wait = world.tasks()[0].state.wait.clone().unwrap();
        assert_eq!((wait.kind, wait.subject.as_deref()), (WaitKind::Approval, Some("Isolate h1?")));
        assert_eq!(world.machine.idle_until(), Some(wait.since.after(APPROVAL_WAIT)));
        world.crash();
        assert_eq!(world.answer(gate(&world), "ana", &[], choice), Ok(Applied::Decided));
        assert_eq!(world.statuses(), statuses);
        assert_eq!(world.ends.first().copied(), end);
        let output = world.tasks()[0].state.response.clone().unwrap();
        assert_eq!(output.value()["answers"][0]["uid"].as_str(), Some("ana"));
        if end.is_some() {
            let error = world.tasks()[0].state.error.clone().unwrap();
            assert_eq!((error.kind, error.message.as_str()), (FailureKind::Refused, "ana has refused"));
        }
        world.assert_stored_is_current();
    }
    let mut world = asked(&json!({"timeout": "1h"}), json!({"host": "h1"}));
    world.fire();
    assert_eq!(
        (world.statuses(), world.ends.clone()),
        (vec!["ok:failed".into()], vec![ExecutionStatus::Failed])
    );
    assert_eq!(world.tasks()[0].state.error.as_ref().unwrap().kind, FailureKind::Expired);
}

#[test]
fn the_first_answer_decides_and_later_ones_are_told_who_was_first() {
    let mut world = asked(&json!({}), json!({"host": "h1"}));
    assert_eq!(world.answer(gate(&world), "ana", &[], "approve"), Ok(Applied::Decided));
    let first =
        ControlRefusal::Answered { uid: "ana".into(), choice: "approve".parse().unwrap(), at: world.now };
    assert_eq!(world.answer(gate(&world), "ben", &[], "refuse"), Err(first.clone()));
    assert_eq!(world.answer(gate(&world), "ana", &[], "refuse"), Err(first.clone()));
    assert_eq!(world.answer(gate(&world), "ana", &[], "approve"), Ok(Applied::Repeated));
    world.crash();
    assert_eq!(world.answer(gate(&world), "ben", &[], "refuse"), Err(first));
    assert_eq!(world.statuses(), ["ok:completed", "isolate:executing"]);
}

#[test]
fn a_quorum_needs_distinct_people_who_are_asked_and_one_no_is_enough() {
    let more = json!({"quorum": 2, "assignees": "{{ input.who }}", "group": "leads"});
    let input = || json!({"host": "h1", "who": ["ana", "ben"]});
    let mut world = asked(&more, input());
    let id = gate(&world);
    assert_eq!(world.answer(id, "ana", &[], "approve"), Ok(Applied::Counted { missing: 1 }));
    assert_eq!(world.answer(id, "ana", &[], "approve"), Ok(Applied::Repeated));
    assert!(matches!(world.answer(id, "ana", &[], "refuse"), Err(ControlRefusal::Answered { .. })));
    assert_eq!(world.answer(id, "eve", &["guests"], "approve"), Err(ControlRefusal::NotAsked("eve".into())));
    assert_eq!(world.answer(id, "", &["leads"], "approve"), Err(ControlRefusal::NotAsked("".into())));
    let none = ControlRefusal::NoChoice("maybe".parse().unwrap());
    assert_eq!(world.answer(id, "ben", &[], "maybe"), Err(none));
    assert_eq!(world.statuses(), ["ok:waiting"]);
    world.crash();
    assert_eq!(world.answer(id, "lea", &["leads"], "approve"), Ok(Applied::Decided));
    assert_eq!(world.statuses(), ["ok:completed", "isolate:executing"]);
    let mut world = asked(&more, input());
    let id = gate(&world);
    assert_eq!(world.answer(id, "ana", &[], "approve"), Ok(Applied::Counted { missing: 1 }));
    assert_eq!(world.answer(id, "ben", &[], "refuse"), Ok(Applied::Decided));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn each_choice_has_its_way_and_one_answer_opens_one_gate() {
    let choices = json!({"isolate": [act("isolate", json!({}))], "leave": "continue", "refuse": [{"id": "no", "end": "no"}]});
    let ask = |id: &str| json!({"id": id, "approval": "?", "choices": choices.clone()});
    let one = |choice: &str| {
        let mut world = World::begin(&playbook(json!([ask("ok")])), json!({}));
        assert_eq!(world.answer(gate(&world), "ana", &[], choice), Ok(Applied::Decided));
        world.statuses().join(" ")
    };
    assert_eq!(one("isolate"), "ok:completed isolate:executing");
    assert_eq!(one("leave"), "ok:completed");
    assert_eq!(one("refuse"), "ok:completed no:completed");
    let plain = |id: &str| json!({"id": id, "approval": "?"});
    let mut world = World::begin(&playbook(json!([parallel("all", [plain("x"), plain("y")])])), json!({}));
    let y = world.tasks()[2].task_request_id;
    assert_eq!(world.answer(y, "ana", &[], "approve"), Ok(Applied::Decided));
    assert_eq!(world.statuses(), ["all:executing", "x:waiting", "y:completed"]);
    let other = TaskId::from_bytes([1; 16]);
    assert_eq!(world.answer(other, "ana", &[], "approve"), Err(ControlRefusal::NoApproval(other)));
    assert_eq!(
        world.answer(world.tasks()[0].task_request_id, "ana", &[], "approve").unwrap_err(),
        ControlRefusal::NoApproval(world.tasks()[0].task_request_id)
    );
}

#[test]
fn a_question_that_asks_nobody_or_is_too_long_fails_and_never_asks_everybody() {
    for (more, host) in [
        (json!({"assignees": "{{ input.none }}"}), "h1".to_owned()),
        (json!({"assignees": []}), "h1".to_owned()),
        (json!({"group": null}), "h1".to_owned()),
        (json!({"assignees": "ana", "quorum": 2}), "h1".to_owned()),
        (json!({}), "h".repeat(QUESTION_BYTES)),
    ] {
        let world = asked(&more, json!({"host": host, "none": ""}));
        assert_eq!(world.tasks()[0].state.status, TaskStatus::Failed, "{more}");
        assert_eq!(world.ends, [ExecutionStatus::Failed]);
    }
}

#[test]
fn an_approval_of_an_ended_item_is_answered_from_its_document() {
    let gate = json!({"id": "gate", "approval": "really?", "assignees": ["ana", "ben"]});
    let each = json!({"id": "all", "for_each": "[1]", "do": [gate]});
    let mut world = World::begin(&playbook(json!([each, {"id": "last", "delay": "1m"}])), json!({}));
    let id = world.tasks()[1].task_request_id;
    assert_eq!(world.answer(id, "ana", &[], "approve"), Ok(Applied::Decided));
    assert_eq!(world.answer(id, "ben", &[], "refuse"), Err(ControlRefusal::NoApproval(id)));
    let state = &world.tasks()[1].state;
    let late = |uid: &str, choice: &str| {
        let choice = StepId::new(choice).unwrap();
        late_answer(state, &ApprovalAnswer { uid: uid.into(), groups: Vec::new(), choice, comment: None })
    };
    assert_eq!(late("ana", "approve"), Some(Ok(Applied::Repeated)));
    let told = late("ben", "refuse").unwrap().unwrap_err();
    assert!(matches!(&told, ControlRefusal::Answered { uid, .. } if &**uid == "ana"), "{told}");
    assert!(matches!(late("eve", "approve"), Some(Err(ControlRefusal::NotAsked(_)))));
}
