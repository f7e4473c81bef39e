//! Items of a file by example: a `for_each` reads them as they begin, and the same ones again after a crash.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use updraft_protocol::FailureKind;
use updraft_protocol::limits::FILE_PAGE_BYTES;

use super::world::files::Files;
use super::world::{World, act, playbook};

/// A loop over the file that the input names, with these additional fields.
fn over_file(more: Value) -> Value {
    let call = act("call", json!({"arguments": {"n": "{{ item.n }}"}}));
    let mut step = json!({
        "id": "all", "for_each": {"file": "input.file"}, "do": [call], "collect": "{{ item.n * 10 }}",
    });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    playbook(json!([step, {"id": "told", "end": "{{ steps.all.output }}"}]))
}

fn world(more: Value, files: &Arc<Files>, items: &[Value]) -> World {
    let file = files.put(items);
    World::begin_with_files(&over_file(more), json!({"file": {"id": file.to_string(), "bytes": 1}}), files)
}

fn numbers(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({ "n": n })).collect()
}

/// The numbers of the attempts under way.
fn under_way(world: &World) -> Vec<u64> {
    world.attempts.iter().map(|attempt| attempt.arguments["n"].as_u64().unwrap()).collect()
}

fn output(world: &World) -> Value {
    serde_json::from_str(world.execution().state.output.as_ref().unwrap().as_str()).unwrap()
}

#[test]
fn items_are_read_as_they_begin() {
    let files = Arc::<Files>::default();
    let mut world = world(json!({"at_once": 1}), &files, &numbers(7));
    for n in 0..7 {
        assert_eq!(under_way(&world), [n]);
        assert_eq!(files.parts.load(Ordering::Relaxed), n as usize / 2 + 1, "no part before it is needed");
        world.end("call", Ok(json!({})));
    }
    let told = output(&world);
    assert_eq!((&told["items"], &told["completed"], &told["not_started"]), (&json!(7), &json!(7), &json!(0)));
    assert_eq!(told["results"], json!([0, 10, 20, 30, 40, 50, 60]));
}

#[test]
fn a_crash_anywhere_loses_and_repeats_no_item() {
    for crash_after in 0..7 {
        let files = Arc::<Files>::default();
        let mut world = world(json!({"at_once": 2}), &files, &numbers(7));
        for ended in 0..7 {
            if ended == crash_after {
                world.crash();
                world.assert_stored_is_current();
            }
            world.end("call", Ok(json!({})));
        }
        assert_eq!(output(&world)["results"], json!([0, 10, 20, 30, 40, 50, 60]), "after {crash_after}");
        let mut called: Vec<_> = world.called.iter().map(|(_, task)| *task).collect();
        called.sort_unstable();
        called.dedup();
        assert_eq!(called.len(), 7);
    }
}

#[test]
fn an_empty_file_has_no_items_and_a_value_that_is_no_file_fails() {
    let files = Arc::<Files>::default();
    assert_eq!(output(&world(json!({}), &files, &[]))["items"], json!(0));
    for file in [
        json!("x"),
        json!({"id": "../../etc/passwd"}),
        json!([1, 2]),
        json!("00000000-0000-0000-0000-000000000009"),
    ] {
        let world = World::begin_with_files(&over_file(json!({})), json!({ "file": file }), &files);
        assert!(world.machine.ended() && world.execution().state.error.is_some(), "{file}");
    }
    let world = World::begin(&over_file(json!({})), json!({"file": "00000000-0000-0000-0000-000000000000"}));
    assert!(world.execution().state.error.as_ref().unwrap().message.contains("no files of executions here"));
}

#[test]
fn large_items_run_one_after_the_other() {
    let files = Arc::<Files>::default();
    let large = json!({"n": 1, "text": "x".repeat(FILE_PAGE_BYTES)});
    let mut world = world(json!({"at_once": 10}), &files, &[large.clone(), large.clone(), large]);
    for _ in 0..3 {
        assert_eq!(under_way(&world), [1]);
        world.end("call", Ok(json!({})));
    }
    assert_eq!(output(&world)["completed"], json!(3));
}

#[test]
fn a_file_that_goes_fails_the_step_once_what_has_begun_has_ended() {
    let files = Arc::<Files>::default();
    let file = files.put(&numbers(7));
    let mut world =
        World::begin_with_files(&over_file(json!({"at_once": 2})), json!({"file": file.to_string()}), &files);
    files.remove(file);
    world.end("call", Ok(json!({})));
    assert_eq!(under_way(&world), [1], "no further one begins");
    world.end("call", Ok(json!({})));
    let error = world.execution().state.error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::InvalidArguments, "{error}");
    // The same where a crash comes between.
    let file = files.put(&numbers(7));
    let mut world =
        World::begin_with_files(&over_file(json!({"at_once": 2})), json!({"file": file.to_string()}), &files);
    files.remove(file);
    world.crash();
    assert!(world.machine.ended() && world.execution().state.error.is_some());
}
