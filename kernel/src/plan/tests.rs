//! The playbooks that the check accepts, each mistake with its place and message, and the cost of hostile playbooks.

use std::time::Duration;

use serde_json::{Value, json};
use updraft_protocol::playbook::{EndStatus, StepExit};
use updraft_protocol::{Catalogue, Name, Playbook, StepId};

use super::*;

mod endpoints;
mod graphs;
mod mistakes;
mod visibility;

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_names(Name::new("http").unwrap(), &["request", "head"]);
    catalogue.add_names(Name::new("virustotal").unwrap(), &["lookup_hash"]);
    catalogue
}

/// A playbook with these steps; an `action` without a tool gets one.
fn playbook(steps: Value) -> Playbook {
    let steps: Vec<Value> = steps.as_array().unwrap().iter().cloned().map(with_tool).collect();
    with(json!({ "steps": steps }))
}

fn with_tool(mut step: Value) -> Value {
    if step.get("type").is_none() {
        step["type"] = json!("action");
    }
    if step["type"] == "action" {
        for (name, value) in [("integration", "http"), ("action", "request")] {
            if step.get(name).is_none() {
                step[name] = json!(value);
            }
        }
    }
    step
}

/// A playbook of one `end` step, with these fields on top.
fn with(fields: Value) -> Playbook {
    let mut playbook = json!({"format": 1, "name": "p", "version": 1, "steps": [{"id": "a", "type": "end"}]});
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
         "retry": {"attempts": 2, "initial": "1s", "max": "4s", "multiplier": 3.0},
         "on_success": "bad", "on_failure": "stop"},
        {"id": "bad", "type": "if", "condition": "steps.look.output.score > 5", "then": "contain", "else": "stop"},
        {"id": "contain", "type": "parallel", "branches": ["one", "two"], "on_success": "wait"},
        {"id": "one", "at_most_once": true, "on_unknown": "ask"},
        {"id": "ask"},
        {"id": "two"},
        {"id": "wait", "type": "delay", "duration": "1m", "on_success": "stop"},
        {"id": "stop", "type": "end", "status": "failed", "output": "{{ input.ip }}"}
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
    let exit = |id: &str, exit| plan.step(at(&plan, id)).exits.get(exit).map(|to| plan.step(to).id.as_str());
    assert_eq!(
        (exit("look", StepExit::Success), exit("look", StepExit::Failure)),
        (Some("bad"), Some("stop"))
    );
    assert!(matches!(plan.step(at(&plan, "bad")).kind, PlannedKind::If(_)));
    assert_eq!(
        (exit("bad", StepExit::Success), exit("bad", StepExit::Otherwise)),
        (Some("contain"), Some("stop"))
    );
    let PlannedKind::Parallel(contain) = &plan.step(at(&plan, "contain")).kind else { panic!("parallel") };
    assert_eq!(contain.branches, [at(&plan, "one"), at(&plan, "two")]);
    let PlannedKind::Action(one) = &plan.step(at(&plan, "one")).kind else { panic!("action") };
    assert_eq!(
        (one.retry.attempts, one.at_most_once, exit("one", StepExit::Unknown)),
        (5, true, Some("ask"))
    );
    let PlannedKind::Action(two) = &plan.step(at(&plan, "two")).kind else { panic!("action") };
    assert_eq!((two.retry.attempts, two.timeout), (5, Duration::from_secs(30)));
    assert!(two.arguments.is_literal());
    let PlannedKind::Delay(wait) = &plan.step(at(&plan, "wait")).kind else { panic!("delay") };
    assert_eq!(wait.duration, Duration::from_secs(60));
    let PlannedKind::End(stop) = &plan.step(at(&plan, "stop")).kind else { panic!("end") };
    assert!(stop.status == EndStatus::Failed && stop.output.is_some());
    let words =
        |id: &str| (plan.step(at(&plan, id)).integration.as_str(), plan.step(at(&plan, id)).action.as_str());
    assert_eq!(words("look"), ("http", "request"));
    assert_eq!(
        [words("bad"), words("contain"), words("wait"), words("stop")],
        [("updraft", "if"), ("updraft", "parallel"), ("updraft", "delay"), ("updraft", "end")]
    );
}

#[test]
fn a_playbook_names_its_start_timeout_and_width() {
    let mut playbook = playbook(json!([{"id": "b"}, {"id": "a", "on_success": "b"}]));
    playbook.start = Some(StepId::new("a").unwrap());
    playbook.timeout = Some(updraft_protocol::Span::secs(9));
    playbook.tasks_at_once = Some(7);
    let plan = check(&playbook).unwrap();
    assert_eq!(
        (plan.start, plan.timeout, plan.tasks_at_once),
        (StepIndex(1), Some(Duration::from_secs(9)), Some(7))
    );
}

#[test]
fn plans_go_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Plan>();
}
