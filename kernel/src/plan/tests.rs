//! The playbooks that the check accepts, each mistake with its place and message, and the cost of hostile playbooks.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::playbook::StepExit;
use updraft_protocol::{Catalogue, Name, Playbook, StepId};

use super::*;

mod already;
mod cached;
mod endpoints;
mod graphs;
mod inputs;
mod locks;
mod loops;
mod mistakes;
mod outputs;
mod rest;
mod undo;
mod variables;
mod verify;
mod visibility;
mod written;

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_names(Name::new("http").unwrap(), &["request", "head"]);
    catalogue.add_names(Name::new("virustotal").unwrap(), &["lookup_hash"]);
    catalogue
}

/// A playbook with these steps; an `action` gets a tool where it names none.
fn playbook(mut steps: Value) -> Playbook {
    add_tools(&mut steps);
    with(json!({ "steps": steps }))
}

/// Adds the tool to each step in these bodies that is of no other kind.
fn add_tools(value: &mut Value) {
    const OTHERS: [&str; 9] =
        ["for_each", "if", "switch", "cases", "parallel", "branches", "delay", "end", "fail"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_tools),
        Value::Object(fields) => {
            fields.values_mut().for_each(add_tools);
            if fields.contains_key("id") && !OTHERS.iter().any(|kind| fields.contains_key(*kind)) {
                fields.entry("integration").or_insert(json!("http"));
                fields.entry("action").or_insert(json!("request"));
            }
        }
        _ => {}
    }
}

/// A playbook of one `end` step, with these fields on top.
fn with(fields: Value) -> Playbook {
    let mut playbook = json!({"format": 1, "name": "p", "version": 1, "steps": [{"id": "a", "end": null}]});
    for (name, value) in fields.as_object().unwrap() {
        playbook[name] = value.clone();
    }
    serde_json::from_value(playbook).unwrap()
}

fn check(playbook: &Playbook) -> Result<Plan, Vec<String>> {
    Plan::check(playbook, &catalogue()).map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn plan(steps: Value) -> Plan {
    check(&playbook(steps)).unwrap()
}

/// The mistakes in a playbook with these steps.
fn mistakes(steps: Value) -> Vec<String> {
    check(&playbook(steps)).unwrap_err()
}

fn at(plan: &Plan, id: &str) -> StepIndex {
    plan.index_of(&StepId::new(id).unwrap()).unwrap()
}

#[test]
fn a_plan_has_everything_resolved() {
    let plan = plan(json!([
        {"id": "look", "arguments": {"url": "https://x/{{ input.ip }}", "n": 1}, "timeout": "5s",
         "retry": {"attempts": 2, "initial": "1s", "max": "4s", "multiplier": 3.0}, "on_failure": "stop"},
        {"id": "bad", "if": "steps.look.output.score > 5", "then": [
            {"id": "contain", "branches": {
                "first": [{"id": "one", "at_most_once": true, "on_unknown": [{"id": "ask"}]}],
                "second": [{"id": "two"}],
            }},
            {"id": "wait", "delay": "1m"},
        ]},
        {"id": "stop", "fail": "no", "output": "{{ input.ip }}"}
    ]));
    assert_eq!((plan.name.as_str(), plan.version, plan.start), ("p", 1, StepIndex(0)));
    let PlannedKind::Action(look) = &plan.step(at(&plan, "look")).kind else { panic!("action") };
    assert_eq!((look.timeout, look.at_most_once), (Duration::from_secs(5), false));
    assert_eq!(
        look.retry,
        RetryPolicy {
            attempts: 2,
            initial: Duration::from_secs(1),
            max: Duration::from_secs(4),
            multiplier: 3.0,
            give_up_after: Duration::from_secs(3600),
        }
    );
    let step = |id| Follows::Step(at(&plan, id));
    let exit = |id: &str, exit| plan.step(at(&plan, id)).exits.get(exit);
    assert_eq!(
        (exit("look", StepExit::Success), exit("look", StepExit::Failure)),
        (step("bad"), step("stop"))
    );
    assert_eq!(exit("look", StepExit::Timeout), step("stop"), "as any other failure");
    let PlannedKind::If(bad) = &plan.step(at(&plan, "bad")).kind else { panic!("if") };
    let way = |holds: bool| bad.follows(Some(&json!({ "result": holds }).into()));
    assert_eq!((way(true), way(false)), (step("contain"), step("stop")));
    let PlannedKind::Parallel(contain) = &plan.step(at(&plan, "contain")).kind else { panic!("parallel") };
    let branches: Vec<_> =
        contain.branches.iter().map(|branch| (branch.name.as_str(), branch.start)).collect();
    assert_eq!(branches, [("first", at(&plan, "one")), ("second", at(&plan, "two"))]);
    assert_eq!(exit("contain", StepExit::Success), step("wait"));
    assert_eq!(exit("wait", StepExit::Success), step("stop"), "what follows the choice that it is in");
    let PlannedKind::Action(one) = &plan.step(at(&plan, "one")).kind else { panic!("action") };
    assert_eq!(
        (one.retry.attempts, one.at_most_once, exit("one", StepExit::Unknown)),
        (5, true, step("ask"))
    );
    assert_eq!(
        (exit("one", StepExit::Failure), exit("ask", StepExit::Success)),
        (Follows::Unhandled, Follows::End)
    );
    let PlannedKind::Action(two) = &plan.step(at(&plan, "two")).kind else { panic!("action") };
    assert_eq!((two.retry.attempts, two.timeout), (5, Duration::from_secs(30)));
    assert!(two.arguments.is_literal());
    let PlannedKind::Delay(wait) = &plan.step(at(&plan, "wait")).kind else { panic!("delay") };
    assert_eq!(wait.duration, Duration::from_secs(60));
    let PlannedKind::End(stop) = &plan.step(at(&plan, "stop")).kind else { panic!("fail") };
    assert!(stop.failure.is_some() && stop.output.is_some());
    let words =
        |id: &str| (plan.step(at(&plan, id)).integration.as_str(), plan.step(at(&plan, id)).action.as_str());
    assert_eq!(words("look"), ("http", "request"));
    assert_eq!(
        [words("bad"), words("contain"), words("wait"), words("stop")],
        [("updraft", "if"), ("updraft", "parallel"), ("updraft", "delay"), ("updraft", "fail")]
    );
}

#[test]
fn ids_are_made_for_steps_without_one_and_are_nobodys_else() {
    let steps = json!([
        {"delay": "1s"},
        {"id": "delay_2", "delay": "1s"},
        {"if": "true", "then": [{"delay": "2s"}, {"action": "http.request"}]},
    ]);
    let plan = check(&with(json!({ "steps": steps }))).unwrap();
    let ids: Vec<_> = plan.steps.iter().map(|step| (step.id.as_str(), step.is_named)).collect();
    let made =
        [("delay_1", false), ("delay_2", true), ("if_1", false), ("delay_3", false), ("action_1", false)];
    assert_eq!(ids, made);
}

#[test]
fn what_nothing_else_handles_is_caught_by_the_nearest_body_around_it() {
    let steps = json!([
        {"id": "a"},
        {"id": "choose", "if": "true", "then": {"do": [{"id": "b"}], "catch": [{"id": "inner"}]}, "else": [{"id": "c"}]},
        {"id": "d", "on_failure": "continue"},
        {"id": "split", "branches": {"x": {"do": [{"id": "e"}, {"id": "f"}], "catch": []}, "y": [{"id": "g"}]}},
        {"id": "last"},
    ]);
    let mut playbook = playbook(steps);
    playbook.catch = serde_json::from_value(json!([{"id": "outer", "end": null}])).unwrap();
    let plan = check(&playbook).unwrap();
    let caught = |id: &str| {
        let exits = plan.step(at(&plan, id)).exits;
        assert_eq!(exits.get(StepExit::Failure), exits.get(StepExit::Timeout));
        exits.get(StepExit::Failure)
    };
    let step = |id| Follows::Step(at(&plan, id));
    assert_eq!([caught("a"), caught("c"), caught("inner"), caught("last")], [step("outer"); 4]);
    assert_eq!([caught("choose"), caught("split")], [step("outer"); 2]);
    assert_eq!(caught("b"), step("inner"));
    assert_eq!(caught("d"), step("split"), "it goes on");
    assert_eq!([caught("e"), caught("f")], [Follows::End; 2], "its branch has ended well");
    assert_eq!([caught("g"), caught("outer")], [Follows::Unhandled; 2], "a branch is a path of its own");
}

#[test]
fn a_catch_without_steps_goes_on_after_its_list() {
    let caught = |catch: Value| {
        let steps = json!([
            {"id": "i", "if": "true", "then": {"do": [{"id": "a"}], "catch": catch}},
            {"id": "after"},
        ]);
        check(&playbook(steps))
    };
    let plan = caught(json!([])).unwrap();
    assert_eq!(plan.step(at(&plan, "a")).exits.get(StepExit::Failure), Follows::Step(at(&plan, "after")));
    let of_a_catch = caught(json!({"do": [], "catch": [{"id": "never"}]}));
    assert_eq!(
        of_a_catch.unwrap_err(),
        ["steps[0].then.catch.catch[0]: \"never\" cannot be reached from the start"]
    );
}

#[test]
fn a_playbook_names_its_timeout_and_width() {
    let mut playbook = playbook(json!([{"id": "a"}]));
    playbook.timeout = Some(updraft_protocol::Span::secs(9));
    playbook.tasks_at_once = Some(7);
    let plan = check(&playbook).unwrap();
    assert_eq!((plan.timeout, plan.tasks_at_once), (Some(Duration::from_secs(9)), Some(7)));
}

#[test]
fn plans_go_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Plan>();
}
