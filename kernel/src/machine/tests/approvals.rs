//! Approvals: who may answer, what decides, what goes on, and what comes too late.

use serde_json::{Value, json};
use updraft_protocol::limits::{APPROVAL_WAIT, FORM_DATA_BYTES, QUESTION_BYTES};
use updraft_protocol::{
    Applied, ApprovalAnswer, ControlRefusal, ExecutionStatus, FailureKind, StepId, TaskId, TaskStatus,
    WaitKind,
};

use super::world::{World, act, is_sound, parallel, playbook};
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
    assert_eq!(world.answer(id, " ", &["leads"], "approve"), Err(ControlRefusal::NoPerson));
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
        (json!({"assignees": ["{{ input.none }}"]}), "h1".to_owned()),
        (json!({"group": "{{ input.nobody }}"}), "h1".to_owned()),
        (json!({"assignees": "ana", "quorum": 2}), "h1".to_owned()),
        (json!({}), "h".repeat(QUESTION_BYTES)),
    ] {
        let world = asked(&more, json!({"host": host, "none": "", "nobody": null}));
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
        let uid = uid.into();
        late_answer(state, &ApprovalAnswer { uid, groups: Vec::new(), choice, comment: None, data: None })
    };
    assert_eq!(late("ana", "approve"), Some(Ok(Applied::Repeated)));
    let told = late("ben", "refuse").unwrap().unwrap_err();
    assert!(matches!(&told, ControlRefusal::Answered { uid, .. } if &**uid == "ana"), "{told}");
    assert!(matches!(late("eve", "approve"), Some(Err(ControlRefusal::NotAsked(_)))));
}

/// An approval that asks for hours, and perhaps for more.
fn form(more: &Value) -> World {
    let form = json!({
        "type": "object",
        "required": ["hours"],
        "additionalProperties": false,
        "properties": {
            "hours": {"type": "integer", "maximum": 72},
            "ticket": {"type": "string", "default": "none"},
            "note": {"type": "string"},
        },
    });
    let mut fields = json!({ "form": form });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked(&fields, json!({"host": "h1"}))
}

#[test]
fn an_answer_that_does_not_fit_the_form_is_refused_with_the_place_and_nothing_is_lost() {
    for (data, why) in [
        (None, "data.hours: "),
        (Some(json!({})), "data.hours: "),
        (Some(json!({"hours": 100})), "data.hours: must be at most 72"),
        (Some(json!({"hours": "4"})), "data.hours: "),
        (Some(json!({"hours": 100, "more": 1})), "; "),
        (Some(json!([4])), "data: "),
        (Some(json!(null)), "data.hours: "),
    ] {
        let mut world = form(&json!({}));
        let before = world.tasks();
        let refused = world.answer_with(gate(&world), "ana", &[], "approve", data.clone()).unwrap_err();
        assert!(
            matches!(&refused, ControlRefusal::Misfit(told) if told.contains(why)),
            "{data:?}: {refused}"
        );
        assert_eq!(world.tasks(), before);
        world.crash();
        let fits = world.answer_with(gate(&world), "ana", &[], "approve", Some(json!({"hours": 4})));
        assert_eq!(fits, Ok(Applied::Decided));
    }
    let mut world = form(&json!({}));
    let large = Some(json!({"hours": 1, "note": "x".repeat(FORM_DATA_BYTES)}));
    let refused = world.answer_with(gate(&world), "ana", &[], "approve", large).unwrap_err();
    assert!(matches!(refused, ControlRefusal::LargeData(bytes) if bytes > FORM_DATA_BYTES), "{refused}");
    let mut plain = asked(&json!({}), json!({"host": "h1"}));
    let refused = plain.answer_with(gate(&plain), "ana", &[], "approve", Some(json!({})));
    assert_eq!(refused, Err(ControlRefusal::NoForm));
}

#[test]
fn what_people_fill_in_is_in_the_output_with_the_defaults() {
    let mut world = form(&json!({"quorum": 2, "choices": {"block": "continue", "watch": "continue"}}));
    let id = gate(&world);
    let hours = |hours: u64| Some(json!({ "hours": hours }));
    assert_eq!(world.answer_with(id, "ana", &[], "block", hours(4)), Ok(Applied::Counted { missing: 1 }));
    assert_eq!(world.answer_with(id, "ana", &[], "block", hours(4)), Ok(Applied::Repeated));
    let other = world.answer_with(id, "ana", &[], "block", hours(5)).unwrap_err();
    assert!(matches!(other, ControlRefusal::Answered { .. }), "another form is another answer");
    world.crash();
    let exact = json!({"hours": 8, "ticket": "T-1", "note": "1.10"});
    assert_eq!(world.answer_with(id, "ben", &[], "block", Some(exact.clone())), Ok(Applied::Decided));
    assert_eq!(world.answer_with(id, "ben", &[], "block", Some(exact.clone())), Ok(Applied::Repeated));
    let output = world.tasks()[0].state.response.clone().unwrap();
    let output: Value = serde_json::from_str(output.as_str()).unwrap();
    assert_eq!(output["data"], exact);
    assert_eq!(output["answers"][0]["data"], json!({"hours": 4, "ticket": "none"}));
    let mut world = form(&json!({}));
    assert_eq!(world.answer(gate(&world), "ana", &[], "refuse"), Ok(Applied::Decided), "a no needs no form");
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
}

#[test]
fn a_form_with_a_mistake_is_refused_with_the_playbook() {
    for form in [
        json!({}),
        json!({"type": "list"}),
        json!({"type": "object", "properties": 1}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}}}),
        json!({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}}),
    ] {
        let step = json!({"approval": "?", "form": form});
        assert!(!is_sound(&playbook(json!([step]))), "{form}");
    }
}
