//! How far loops have come, by example: while they run, after a crash, and when they have ended.

use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use super::world::{World, act, playbook};
use crate::machine::LoopProgress;

/// The loops that run: their steps, and how far they have come.
fn running(world: &World) -> Vec<(String, LoopProgress)> {
    let loops = world.machine.running_loops().into_iter();
    loops.map(|running| (running.step_id.to_string(), running.progress)).collect()
}

/// How far the one loop has come that ended, as its document says and as the machine does.
fn ended(world: &World) -> Option<LoopProgress> {
    let tasks = world.tasks();
    let progress: Vec<LoopProgress> = tasks.iter().filter_map(LoopProgress::at_end).collect();
    let in_memory = tasks.iter().filter_map(|task| world.machine.ended_loop(task.task_request_id));
    assert_eq!(in_memory.collect::<Vec<_>>(), progress);
    progress.first().copied()
}

fn begin(step: Value) -> World {
    World::begin(&playbook(json!([step])), json!({"hosts": ["a", "b", "c"]}))
}

#[test]
fn a_for_each_counts_items_while_it_runs_after_a_crash_and_at_its_end() {
    let body = [act("isolate", json!({"retry": {"attempts": 1}}))];
    let mut world =
        begin(json!({"id": "all", "for_each": "input.hosts", "at_once": 1, "tolerate": 1, "do": body}));
    let items = |completed, failed| LoopProgress::Items { items: 3, completed, failed };
    assert_eq!(running(&world), [("all".to_owned(), items(0, 0))]);
    world.end("isolate", Ok(json!({})));
    world.end("isolate", Err(FailureKind::Status));
    world.crash();
    assert_eq!((running(&world), ended(&world)), (vec![("all".to_owned(), items(1, 1))], None));
    world.end("isolate", Ok(json!({})));
    assert_eq!((running(&world), ended(&world)), (Vec::new(), Some(items(2, 1))));
}

#[test]
fn an_until_counts_rounds_and_a_loop_inside_of_a_loop_is_one_too() {
    let look = act("look", json!({}));
    let inner =
        json!({"id": "one", "for_each": "[1]", "do": [look], "collect": "{{ steps.look.output.done }}"});
    let mut world = begin(
        json!({"id": "poll", "until": "steps.one.output.results[0]", "at_most": 7, "pause": "1s", "do": [inner]}),
    );
    let round = |rounds, at_most| LoopProgress::Rounds { rounds, at_most };
    let item = LoopProgress::Items { items: 1, completed: 0, failed: 0 };
    assert_eq!(running(&world), [("poll".to_owned(), round(1, Some(7))), ("one".to_owned(), item)]);
    world.end("look", Ok(json!({"done": false})));
    assert_eq!(running(&world), [("poll".to_owned(), round(1, Some(7)))], "between two rounds");
    world.fire();
    world.end("look", Ok(json!({"done": true})));
    assert_eq!(running(&world), []);
    let tasks = world.tasks();
    let poll = tasks.iter().find(|task| task.head.step_id.as_str() == "poll").unwrap();
    assert_eq!(LoopProgress::at_end(poll), Some(round(2, None)));
}

#[test]
fn what_a_tool_answers_is_not_taken_for_the_counts_of_a_loop() {
    let mut world = begin(act("look", json!({})));
    world.end("look", Ok(json!({"rounds": 3, "items": 4, "completed": 5, "failed": 6})));
    assert_eq!((running(&world), ended(&world)), (Vec::new(), None));
}
