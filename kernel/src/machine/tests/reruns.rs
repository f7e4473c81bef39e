//! Reruns: which results are taken over, what runs again, and what has to be declared first.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use updraft_protocol::limits::ITEM_WORK;
use updraft_protocol::{
    ContainmentAsk, ContainmentDocument, Declaration, ExecutionStatus, FailureKind, Playbook, StepId, TaskId,
};

use super::world::{World, act, parallel, playbook};
use crate::containment::{ContainmentEvent, apply, register};
use crate::machine::MachineEvent;
use crate::rerun::{RerunPlan, RerunRefusal, Standing, standings};

pub(super) fn once(id: &str) -> Value {
    act(id, json!({"retry": {"attempts": 1}}))
}

pub(super) fn rerun(world: &World, from: Option<&str>) -> (World, usize) {
    declared(world, from, &[]).unwrap()
}

fn declared(
    world: &World,
    from: Option<&str>,
    declared: &[(TaskId, Declaration)],
) -> Result<(World, usize), RerunRefusal> {
    let declared: BTreeMap<TaskId, Declaration> = declared.iter().copied().collect();
    let from = from.map(|from| StepId::new(from).unwrap());
    let plan = world.machine.plan().clone();
    let standings = standings(&world.tasks(), &BTreeMap::new(), world.now);
    let (from, standings, declared) = (from.as_ref(), &standings, &declared);
    world.rerun(&RerunPlan { plan: &plan, playbooks: None, inputs: None, from, standings, declared })
}

pub(super) fn called(world: &World) -> Vec<&str> {
    world.called.iter().map(|(step, _)| step.as_str()).collect()
}

#[test]
fn what_had_completed_is_kept_and_what_failed_runs_again() {
    let after = act("c", json!({"arguments": {"a": "{{ steps.a.output.n }}"}}));
    let mut world = World::begin(&playbook(json!([once("a"), once("b"), after])), json!({}));
    world.end("a", Ok(json!({"n": 7})));
    world.end("b", Err(FailureKind::Status));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, again.statuses()), (1, vec!["a:completed".to_owned(), "b:executing".to_owned()]));
    assert_ne!(again.task_of("a"), world.task_of("a"), "its tasks are its own");
    again.crash();
    again.end("b", Ok(json!(null)));
    assert_eq!(again.attempts[0].arguments, json!({"a": 7}));
    again.end("c", Ok(json!(null)));
    assert_eq!((again.ends.clone(), called(&again)), (vec![ExecutionStatus::Completed], vec!["b", "b", "c"]));
    again.assert_stored_is_current();

    let (again, taken) = rerun(&world, Some("a"));
    assert_eq!((taken, called(&again)), (0, vec!["a"]));
    assert_eq!(declared(&world, Some("c"), &[]).err(), Some(RerunRefusal::NotRun(StepId::new("c").unwrap())));
}

#[test]
fn what_was_so_before_an_action_is_asked_again_where_the_action_runs_again() {
    for (on, expected) in [("failure", (0, vec!["already.a"])), ("cancel", (2, vec!["b"]))] {
        let isolate = act(
            "a",
            json!({
                "already": {"action": "act", "arguments": {}, "if": "result.so"},
                "undo": {"action": "act", "on": [on]}
            }),
        );
        let mut world = World::begin(&playbook(json!([isolate, once("b")])), json!({}));
        world.end("already.a", Ok(json!({"so": false})));
        world.end("a", Ok(json!({})));
        world.end("b", Err(FailureKind::Status));
        if on == "failure" {
            world.end("undo.a", Ok(json!({})));
        }
        let (again, taken) = rerun(&world, None);
        assert_eq!((taken, called(&again)), expected);
    }
}

#[test]
fn what_is_new_after_the_results_waits_for_its_turns() {
    let each = json!({"id": "each", "for_each": "input.list", "do": [{"set": {"n": "{{ item }}"}}]});
    let list: Vec<u32> = (0..3_000).collect();
    let mut world =
        World::begin(&playbook(json!([once("a"), each, once("z"), once("y")])), json!({ "list": list }));
    world.end("a", Ok(json!({})));
    assert!(world.turns() > 1);
    world.end("z", Err(FailureKind::Status));
    for (from, taken) in [(None, 2), (Some("each"), 1), (Some("a"), 0)] {
        let (mut again, found) = rerun(&world, from);
        assert_eq!(found, taken);
        match from {
            None => assert_eq!(called(&again), ["z"]),
            Some("each") => {
                assert!(called(&again).is_empty(), "items are still to come");
                assert!(again.turns() > 1);
                assert_eq!(called(&again), ["z"]);
            }
            Some(_) => assert_eq!(called(&again), ["a"]),
        }
    }
}

#[test]
fn results_that_the_walk_has_no_time_to_come_to_are_not_done_twice() {
    let set = json!({"set": {"x": "{{ steps.a.output }}"}});
    let steps = json!([once("a"), set, set, once("b"), once("c")]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Ok(json!(1)));
    world.end("b", Ok(json!(2)));
    world.end("c", Err(FailureKind::Status));
    let plan = world.machine.plan().clone();
    let (standings, declared) = (&BTreeMap::new(), &BTreeMap::new());
    let all = RerunPlan { plan: &plan, playbooks: None, inputs: None, from: None, standings, declared };
    let taken = |work: u64| world.rerun_within(work, &all).map(|(again, taken)| (taken, again.called));
    assert_eq!(taken(1).err(), Some(RerunRefusal::TooMuchWork), "one computes, and the other waits");
    assert_eq!(taken(2 * ITEM_WORK).unwrap().0, 2, "all were come to, whatever that took");
}

#[test]
fn a_step_without_an_id_and_what_follows_it_run_again() {
    let unnamed = json!({"action": "act", "integration": "tool", "arguments": {}});
    let mut world = World::begin(&playbook(json!([once("a"), unnamed, once("b"), once("c")])), json!({}));
    for step in ["a", "action_1", "b"] {
        world.end(step, Ok(json!(null)));
    }
    world.end("c", Err(FailureKind::Status));
    let (again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (1, vec!["action_1"]));
}

#[test]
fn a_failure_that_was_handled_is_a_result_and_branches_keep_theirs() {
    let tried = act("tried", json!({"retry": {"attempts": 1}, "on_failure": "continue"}));
    let both = parallel("all", [once("left"), once("right")]);
    let steps = json!([tried, both, once("after")]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("tried", Err(FailureKind::Status));
    world.end("left", Ok(json!(1)));
    world.end("right", Err(FailureKind::Status));
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (2, vec!["right"]));
    again.end("right", Ok(json!(1)));
    again.end("after", Ok(json!(1)));
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
}

#[test]
fn the_tasks_of_items_that_were_taken_over_leave_memory_at_once_and_no_others() {
    let each = json!({"id": "each", "for_each": "input", "do": [once("a")], "at_once": 20});
    let mut world =
        World::begin(&playbook(json!([once("first"), each])), json!((0..20).collect::<Vec<u32>>()));
    world.end("first", Ok(json!(1)));
    for _ in 0..19 {
        world.end("a", Ok(json!("x")));
    }
    world.end("a", Err(FailureKind::Status));
    let (mut again, taken) = rerun(&world, None);
    let left: Vec<u32> = again.machine.task_documents().iter().map(|task| task.head.task_seq).collect();
    assert_eq!((taken, left.len()), (20, 3), "the first, the loop and the item that runs again: {left:?}");
    again.end("a", Ok(json!("x")));
    assert_eq!((again.ends.clone(), called(&again)), (vec![ExecutionStatus::Completed], vec!["a"]));
    again.assert_stored_is_current();
}

#[test]
fn items_that_ended_are_kept_and_the_others_begin_as_many_at_once_as_the_loop_says() {
    let each = json!({"id": "each", "for_each": "[0, 1, 2, 3, 4, 5]", "as": "n", "at_once": 1,
        "do": [once("a")], "collect": "{{ n }}", "tolerate": 6});
    let mut world = World::begin(&playbook(json!([each, once("after")])), json!({}));
    for fails in [false, true, false, true, true, false] {
        world.end("a", if fails { Err(FailureKind::Status) } else { Ok(json!(1)) });
    }
    world.end("after", Err(FailureKind::Status));
    let (again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (1, vec!["after"]), "the loop is a result as a whole");

    // A loop that failed is walked item by item.
    let each = json!({"id": "each", "for_each": "[0, 1, 2, 3, 4, 5]", "as": "n", "at_once": 1,
        "do": [once("a")], "collect": "{{ n }}", "on_item_failure": "continue"});
    let mut world = World::begin(&playbook(json!([each])), json!({}));
    for fails in [false, true, false, true, true, false] {
        world.end("a", if fails { Err(FailureKind::Status) } else { Ok(json!(1)) });
    }
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (3, vec!["a"]), "one at once");
    again.crash();
    assert_eq!(again.attempts.len(), 1);
    for _ in 0..3 {
        again.end("a", Ok(json!(1)));
    }
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
    let output = again.execution().state.output.clone().unwrap().value();
    let output = serde_json::to_value(&output).unwrap();
    assert_eq!((&output["completed"], &output["results"]), (&json!(6), &json!([0, 1, 2, 3, 4, 5])));
}

#[test]
fn what_may_have_acted_is_declared_first() {
    let careful = act("careful", json!({"at_most_once": true}));
    let mut world = World::begin(&playbook(json!([careful, once("after")])), json!({}));
    world.crash();
    assert_eq!(world.statuses(), ["careful:unknown"]);
    let task = world.task_of("careful");
    assert_eq!(declared(&world, None, &[]).err(), Some(RerunRefusal::Undeclared(vec![task])));
    let (again, taken) = declared(&world, None, &[(task, Declaration::Acted)]).unwrap();
    assert_eq!((taken, called(&again)), (1, vec!["after"]));
    let (again, taken) = declared(&world, None, &[(task, Declaration::NotActed)]).unwrap();
    assert_eq!((taken, called(&again)), (0, vec!["careful"]));
    let other = TaskId::from_bytes([9; 16]);
    let refused = declared(&world, None, &[(task, Declaration::Acted), (other, Declaration::Acted)]);
    assert_eq!(refused.err(), Some(RerunRefusal::NotUnknown(other)));
}

#[test]
fn what_a_person_stopped_goes_on_and_what_cleaned_up_cleans_up_again() {
    let mut steps = playbook(json!([once("a"), once("b")]));
    steps["finally"] = json!([once("tidy")]);
    let mut world = World::begin(&steps, json!({}));
    world.end("a", Ok(json!(1)));
    world.apply(MachineEvent::Cancel(None));
    world.end("tidy", Ok(json!(1)));
    assert_eq!(world.ends, [ExecutionStatus::Cancelled]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (1, vec!["b"]));
    again.end("b", Ok(json!(1)));
    again.end("tidy", Ok(json!(1)));
    assert_eq!(again.ends, [ExecutionStatus::Completed]);
}

#[test]
fn a_changed_step_of_another_version_runs_again() {
    let steps = |c: &str| {
        let inner = act("in", json!({"arguments": {"c": c}}));
        let each = json!({"id": "each", "for_each": "[1, 2]", "as": "n", "do": [once("kept"), inner]});
        playbook(json!([once("a"), act("b", json!({"arguments": {"c": c}})), each]))
    };
    let (before, now) = (steps("1"), steps("2"));
    let mut world = World::begin(&before, json!({}));
    for step in ["a", "b", "kept", "in", "kept", "in"] {
        world.end(step, Ok(json!(1)));
    }
    let parsed = |playbook: &Value| Playbook::parse(playbook.to_string().as_bytes()).unwrap();
    let (old, new) = (parsed(&before), parsed(&now));
    let plan = World::begin(&now, json!({})).machine.plan().clone();
    let (standings, declared) = (&BTreeMap::new(), &BTreeMap::new());
    let rerun = RerunPlan {
        plan: &plan,
        playbooks: Some((&old, &new)),
        inputs: None,
        from: None,
        standings,
        declared,
    };
    let results = rerun.results(world.tasks()).unwrap();
    let results: Vec<String> =
        results.iter().map(|task| format!("{}{}", task.head.scope, task.head.step_id)).collect();
    assert_eq!(results, ["a", "each:0kept", "each:1kept"]);
}

#[test]
fn what_was_undone_runs_again_and_what_was_kept_is_not_undone_a_second_time() {
    let undone = |id: &str, on: Value| {
        act(
            id,
            json!({"retry": {"attempts": 1}, "undo": {"action": "act", "arguments": {"of": id}, "on": on}}),
        )
    };
    let cancelled = json!(["cancel"]);
    let steps = json!([undone("a", cancelled), undone("b", json!(["failure"])), once("c")]);
    let mut world = World::begin(&playbook(steps), json!({}));
    for step in ["a", "b"] {
        world.end(step, Ok(json!(1)));
    }
    world.end("c", Err(FailureKind::Status));
    world.end("undo.b", Ok(json!(null)));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (mut again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (1, vec!["b"]), "`a` stands");
    again.end("b", Ok(json!(2)));
    again.crash();
    again.apply(MachineEvent::Cancel(None));
    assert_eq!(again.ends, [ExecutionStatus::Cancelled], "`a` is undone by its own execution");
}

#[test]
fn what_could_not_be_undone_is_declared_first() {
    let steps = json!([
        act("a", json!({"undo": {"action": "act", "arguments": {"of": "a"}, "retry": {"attempts": 1}}})),
        once("b")
    ]);
    let mut world = World::begin(&playbook(steps), json!({}));
    world.end("a", Ok(json!(1)));
    world.end("b", Err(FailureKind::Status));
    world.end("undo.a", Err(FailureKind::Status));
    let task = world.task_of("a");
    assert_eq!(declared(&world, None, &[]).err(), Some(RerunRefusal::Undeclared(vec![task])));
    let (again, taken) = declared(&world, None, &[(task, Declaration::Acted)]).unwrap();
    assert_eq!((taken, called(&again)), (1, vec!["b"]));
    let (again, taken) = declared(&world, None, &[(task, Declaration::NotActed)]).unwrap();
    assert_eq!((taken, called(&again)), (0, vec!["a"]));
}

#[test]
fn a_loop_of_which_an_item_was_undone_is_no_result_and_its_other_items_are() {
    let inner = act(
        "in",
        json!({"undo": {"action": "act", "arguments": {"of": "in"}, "on": ["asked"]},
        "expires": "1h", "target": "{{ n }}"}),
    );
    let each = json!({"id": "each", "for_each": "[0, 1]", "as": "n", "at_once": 1, "do": [inner]});
    let mut world = World::begin(&playbook(json!([each, once("after")])), json!({}));
    for step in ["in", "in"] {
        world.end(step, Ok(json!(1)));
    }
    world.end("after", Err(FailureKind::Status));
    let (again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (1, vec!["after"]), "what is contained stands");

    let mut tasks = world.tasks();
    tasks.iter_mut().for_each(|task| task.state.registration_due = None);
    let first = tasks.iter().find(|task| task.head.step_id.as_str() == "in").unwrap();
    let later = |stored: &ContainmentDocument, event| apply(stored, event, world.now).unwrap().unwrap();
    let asked = |ask| ContainmentEvent::Asked { uid: "ana".into(), ask, reason: "why".into() };
    let held = register(None, first, world.now).unwrap();
    let undoing = later(&held, asked(ContainmentAsk::Undo));
    let failed = later(&undoing, ContainmentEvent::UndoEnded(1, Err("no".into())));
    let undone = later(&undoing, ContainmentEvent::UndoEnded(1, Ok(())));
    let kept = later(&held, asked(ContainmentAsk::Keep));
    let kept_after_all = later(&failed, asked(ContainmentAsk::Keep));
    let judged = |stored: &ContainmentDocument, now| {
        standings(&tasks, &BTreeMap::from([(stored.id, stored.clone())]), now)
    };
    let of_first = |stored, now| judged(stored, now).get(&first.task_request_id).copied();
    for (stored, standing) in [
        (&held, None),
        (&undoing, Some(Standing::TakenBack)),
        (&failed, Some(Standing::Doubtful)),
        (&undone, Some(Standing::TakenBack)),
        (&kept, None),
        (&kept_after_all, None),
    ] {
        assert_eq!(of_first(stored, world.now), standing, "{:?}", stored.status);
    }
    let expired = world.now.after(std::time::Duration::from_secs(3_600));
    assert_eq!(of_first(&held, expired), Some(Standing::TakenBack));

    let (plan, standings, declared) =
        (world.machine.plan().clone(), &judged(&undone, world.now), &BTreeMap::new());
    let rerun = RerunPlan { plan: &plan, playbooks: None, inputs: None, from: None, standings, declared };
    let (again, taken) = world.rerun(&rerun).unwrap();
    assert_eq!((taken, called(&again)), (1, vec!["in"]), "the other item is kept");
}

#[test]
fn rounds_that_set_a_variable_around_them_are_walked_and_call_nothing() {
    let count = json!({"set": {"n": "{{ variables.n|default(0) + 1 }}"}});
    let rounds = json!({"id": "rounds", "while": "i < 2", "carry": {"i": {"first": 0, "then": "{{ i + 1 }}"}},
        "at_most": 5, "do": [once("a"), count]});
    let after = act("b", json!({"retry": {"attempts": 1}, "arguments": {"n": "{{ variables.n }}"}}));
    let mut world = World::begin(&playbook(json!([rounds, after])), json!({}));
    for _ in 0..2 {
        world.end("a", Ok(json!(1)));
    }
    world.end("b", Err(FailureKind::Status));
    assert_eq!(world.ends, [ExecutionStatus::Failed]);
    let (again, taken) = rerun(&world, None);
    assert_eq!((taken, called(&again)), (2, vec!["b"]));
    assert_eq!(again.attempts[0].arguments, json!({"n": 2}));
}

#[test]
fn an_item_that_is_declared_not_to_have_acted_runs_again_though_its_loop_had_completed() {
    let careful = act("careful", json!({"at_most_once": true, "on_unknown": "continue"}));
    let each = json!({"id": "each", "for_each": "[0, 1]", "as": "n", "at_once": 1, "do": [careful]});
    let mut world = World::begin(&playbook(json!([each, once("after")])), json!({}));
    let task = world.task_of("careful");
    world.crash();
    world.end("careful", Ok(json!(1)));
    world.end("after", Err(FailureKind::Status));
    let (again, taken) = declared(&world, None, &[(task, Declaration::Acted)]).unwrap();
    assert_eq!((taken, called(&again)), (1, vec!["after"]));
    let (again, taken) = declared(&world, None, &[(task, Declaration::NotActed)]).unwrap();
    assert_eq!((taken, called(&again)), (1, vec!["careful"]));
}
