//! Undo records by example: what a task that has acted registers, in the write of its end.

use serde_json::{Value, json};
use updraft_protocol::limits::RECORDED_ARGUMENTS_BYTES;
use updraft_protocol::{ExecutionStatus, FailureKind, TaskStatus, UndoRecord, UndoStatus};

use super::world::{World, act, playbook};
use crate::machine::MachineEvent;

/// Writes an undo into some actions of a random playbook: one that cannot be rendered among them.
pub(super) fn written(steps: u64, step: &mut Value) {
    if !steps.is_multiple_of(3) {
        return;
    }
    let n = ["{{ output.n }}", "{{ output.missing.n }}"][(steps / 3 % 2) as usize];
    let action = ["act", "queue"][(steps / 2 % 2) as usize];
    step["undo"] =
        json!({"action": action, "arguments": {"n": n, "at": "{{ now }}"}, "retry": {"attempts": 2}});
    if steps.is_multiple_of(2) {
        step["expires"] = json!("{{ input.n + 1 }}h");
        step["target"] = json!("{{ input.n }}");
    }
    if steps % 4 < 2 {
        let condition = ["result.n > 4", "result.n.none > 4"][usize::from(steps.is_multiple_of(8))];
        step["already"] = json!({"action": "act", "arguments": {"n": "{{ input.n }}"}, "if": condition});
    }
    match steps / 3 % 4 {
        0 => {}
        1 => step["undo"]["on"] = json!(["failure", "cancel"]),
        2 => step["undo"]["on"] = json!(["failure", "asked"]),
        _ => step["undo"]["on"] = json!("cancel"),
    }
    if step["at_most_once"] == true {
        step["undo"]["safe_if_unknown"] = json!(steps % 4 < 2);
    }
}

/// An action that contains a host for four hours.
fn isolate(more: Value) -> Value {
    let mut fields = json!({
        "undo": {"action": "tool.act", "arguments": {"job": "{{ output.job }}", "host": "{{ input.host }}"}},
        "expires": "{{ input.hours }}h",
        "target": "{{ input.host }}"
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    act("isolate", fields)
}

fn begin(step: Value) -> World {
    World::begin(&playbook(json!([step])), json!({"host": "ws-17", "hours": 4}))
}

fn undo(world: &World) -> Option<UndoRecord> {
    world.tasks()[0].state.undo.as_deref().cloned()
}

#[test]
fn what_a_step_did_is_registered_with_its_end_and_reads_its_output() {
    let mut world = begin(isolate(json!({})));
    assert_eq!(undo(&world), None);
    world.end("isolate", Ok(json!({"job": 7})));
    let task = &world.tasks()[0];
    assert_eq!((task.state.status, task.state.registration_due), (TaskStatus::Completed, Some(world.now)));
    let undo = undo(&world).unwrap();
    assert_eq!(undo.call.arguments.unwrap().value(), json!({"job": 7, "host": "ws-17"}));
    let hold = undo.hold.unwrap();
    assert_eq!((&*hold.target, hold.until.0), ("ws-17", world.now.0 + 4 * 3_600_000));
    assert_eq!((undo.status, undo.reason), (UndoStatus::Registered, None));
}

#[test]
fn what_cannot_be_undone_says_why_and_fails_nothing() {
    let large = "x".repeat(RECORDED_ARGUMENTS_BYTES);
    for (output, reason) in [(json!({}), "output.job"), (json!({ "job": large }), "larger than may be kept")]
    {
        let mut world = begin(isolate(json!({})));
        world.end("isolate", Ok(output));
        assert_eq!(world.ends, [ExecutionStatus::Completed]);
        let undo = undo(&world).unwrap();
        assert_eq!((undo.status, undo.call.arguments), (UndoStatus::Failed, None));
        let found = undo.reason.unwrap();
        assert!(found.contains(reason), "{found}");
        assert!(undo.hold.is_some(), "it is listed");
    }
}

#[test]
fn nothing_is_contained_whose_time_or_target_is_not_known() {
    for (field, text) in [
        ("expires", "{{ input.host }}"),
        ("expires", "{{ input.hours }}"),
        ("expires", "0s{{ input.none | default('') }}"),
        ("target", "{{ input.none | default('') }}"),
        ("target", "{{ input.list | default([1]) }}"),
    ] {
        let world = begin(isolate(json!({ field: text })));
        assert!(world.called.is_empty(), "{text}");
        let error = world.tasks()[0].state.error.clone().unwrap();
        assert_eq!(error.kind, FailureKind::Template);
        assert!(error.message.starts_with(field), "{}", error.message);
        assert_eq!(undo(&world), None);
    }
}

#[test]
fn an_unknown_outcome_is_undone_only_where_that_is_safe() {
    for safe in [true, false] {
        let more = json!({
            "at_most_once": true,
            "undo": {"action": "act", "arguments": {"host": "{{ input.host }}"}, "safe_if_unknown": safe}
        });
        let mut world = begin(isolate(more.clone()));
        world.end("isolate", Err(FailureKind::Timeout));
        assert_eq!((world.tasks()[0].state.status, undo(&world).is_some()), (TaskStatus::Unknown, safe));
        let mut world = begin(isolate(more));
        world.apply(MachineEvent::Cancel(None));
        assert_eq!((world.tasks()[0].state.status, undo(&world).is_some()), (TaskStatus::Unknown, safe));
    }
    let mut world = begin(isolate(json!({"retry": {"attempts": 1}})));
    world.end("isolate", Err(FailureKind::Status));
    assert_eq!(undo(&world), None, "it has not acted");
}
