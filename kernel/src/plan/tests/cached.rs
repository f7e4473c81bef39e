//! `cache` of an action: where it is accepted, and each reason why it is not, in the author's words.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::playbook::{CachePolicy, CacheReach};
use updraft_protocol::{ActionSpec, Answer, Argument, Call, Effect, Integration, Span};

use super::*;
use crate::plan::PlannedAction;

/// `look` looks something up, `kept` has answers that are kept, `poll` asks until something has come about, `save` writes a file,
/// `act` changes something.
struct Intel {
    is_connector: bool,
}

impl Integration for Intel {
    fn actions(&self) -> &[&str] {
        &["look", "kept", "poll", "save", "act", "get"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        let cache = CachePolicy {
            stale: None,
            ttl: Span::secs(60),
            key: None,
            scope: CacheReach::Tenant,
            negative_ttl: Some(Span::secs(5)),
        };
        ActionSpec {
            effect: if action == "act" { Effect::Write } else { Effect::Read },
            cache: (action == "kept").then_some(cache),
            polls: action == "poll",
            arguments: if action == "get" { &[("url", Argument::Url)] } else { &[] },
            takes_secrets: true,
            ..ActionSpec::default()
        }
    }

    fn uses_files(&self, action: &str, _: &updraft_protocol::Value) -> bool {
        action == "save"
    }

    fn is_shared(&self) -> bool {
        self.is_connector
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::pending())
    }
}

fn checked(steps: Value) -> Result<Plan, Vec<String>> {
    let mut catalogue = catalogue();
    for (name, is_connector) in [("intel", false), ("vendor", true)] {
        catalogue.add_integration(Name::new(name).unwrap(), Arc::new(Intel { is_connector }));
    }
    let told = |mistakes: Vec<Mistake>| mistakes.iter().map(ToString::to_string).collect();
    Plan::check(&with(json!({ "steps": steps })), &catalogue).map_err(told)
}

fn step(action: &str, cache: Value) -> Value {
    json!({"id": "a", "action": action, "arguments": {"hash": "{{ input.hash }}"}, "cache": cache})
}

/// How long answers of the one step `a` are kept.
fn ttl(steps: Value) -> Option<u64> {
    let plan = checked(steps).unwrap();
    let action = PlannedAction::of(plan.step(at(&plan, "a"))).unwrap();
    action.cache.as_ref().map(|cache| cache.ttl.as_secs())
}

#[test]
fn the_step_says_it_before_the_tool() {
    let without = json!([{"id": "a", "action": "intel.kept"}]);
    assert_eq!(ttl(without), Some(60));
    assert_eq!(ttl(json!([step("intel.kept", json!({"ttl": "1h"}))])), Some(3600));
    assert_eq!(ttl(json!([step("intel.kept", json!("none"))])), None);
    assert_eq!(ttl(json!([{"id": "a", "action": "intel.look"}])), None);
    let plan = checked(json!([step("intel.look", json!({"ttl": "1h", "negative_ttl": "5m"}))])).unwrap();
    let cache = PlannedAction::of(plan.step(at(&plan, "a"))).unwrap().cache.as_ref().unwrap();
    assert_eq!(cache.negative_ttl, Some(Duration::from_secs(300)));
}

#[test]
fn only_answers_of_look_ups_are_kept() {
    for (action, why) in [
        ("intel.act", "`intel.act` changes something: only answers of actions that read are kept"),
        ("intel.poll", "`intel.poll` asks until something has come about: its answers are not kept"),
        ("intel.save", "`intel.save` uses files of its execution, which no other one has"),
    ] {
        let told = checked(json!([step(action, json!({"ttl": "1h"}))])).unwrap_err();
        assert_eq!(told, [format!("steps[0].cache: {why}")]);
    }
    let missing = checked(json!([step("intel.lok", json!({"ttl": "1h"}))])).unwrap_err();
    assert_eq!(missing.len(), 1, "{missing:?}");
}

#[test]
fn what_waits_for_another_answer_asks_its_tool() {
    let until = |step: Value| json!([{"id": "wait", "until": "steps.a.output.done", "do": [step]}]);
    let told = checked(until(step("intel.look", json!({"ttl": "1h"})))).unwrap_err();
    let why = "an `until` around this step waits for another answer: it would get the kept one each time";
    assert_eq!(told, [format!("steps[0].do[0].cache: {why}")]);
    assert_eq!(ttl(until(json!({"id": "a", "action": "intel.kept"}))), None, "nobody has asked for it");
    let looks =
        json!([{"id": "act", "action": "intel.act", "verify": {"action": "kept", "until": "result.done"}}]);
    let plan = checked(looks).unwrap();
    assert!(PlannedAction::of(plan.step(at(&plan, "look.act"))).unwrap().cache.is_none());
}

#[test]
fn it_is_shared_where_address_and_secrets_are_known() {
    let shared = json!({"ttl": "1h", "scope": "shared"});
    assert_eq!(ttl(json!([step("vendor.look", shared.clone())])), Some(3600));
    let told = checked(json!([step("intel.look", shared)])).unwrap_err();
    let why = "`shared` needs a connector, whose address and secrets are known apart from the arguments: `intel` is none";
    assert_eq!(told, [format!("steps[0].cache.scope: {why}")]);
}

#[test]
fn a_step_gives_no_key_to_what_other_tenants_are_given() {
    for key in [json!("{{ input.hash }}"), json!({"hash": "{{ input.other }}"})] {
        let shared = json!({"ttl": "1h", "scope": "shared", "key": key});
        let told = checked(json!([step("vendor.look", shared)])).unwrap_err();
        assert!(told.len() == 1 && told[0].starts_with("steps[0].cache.key: "), "{told:?}");
    }
    assert_eq!(
        ttl(json!([step("vendor.look", json!({"ttl": "1h", "key": "{{ input.hash }}"}))])),
        Some(3600)
    );
}

#[test]
fn its_times_and_its_key_are_checked_where_they_are_written() {
    for (cache, told) in [
        (json!({"ttl": "0s"}), "steps[0].cache.ttl: must be from 1ms to 7d"),
        (json!({"ttl": "8d"}), "steps[0].cache.ttl: must be from 1ms to 7d"),
        (json!({"ttl": "1h", "negative_ttl": "0s"}), "steps[0].cache.negative_ttl: must be from 1ms to 7d"),
    ] {
        assert_eq!(checked(json!([step("intel.look", cache)])).unwrap_err(), [told]);
    }
    for (cache, told) in [
        (json!({"ttl": "1h", "stale": "0s"}), "steps[0].cache.stale: must be from 1ms to 7d"),
        (json!({"ttl": "6d", "stale": "2d"}), "steps[0].cache.stale: with `ttl` must be at most 7d"),
    ] {
        assert_eq!(checked(json!([step("intel.look", cache)])).unwrap_err(), [told]);
    }
    let key = json!({"ttl": "1h", "key": "{{ input.hash }}"});
    let get = json!([{"id": "a", "action": "intel.get", "arguments": {"url": "https://i.example/a"}, "cache": key}]);
    let why = "`url` says what `intel.get` asks: its answers depend on all arguments";
    assert_eq!(checked(get).unwrap_err(), [format!("steps[0].cache.key: {why}")]);
    for (key, place) in [
        (json!("{{ steps.b.output }}"), "steps[0].cache.key: "),
        (json!("{{ inptu.hash }}"), "steps[0].cache.key: "),
        (json!({"key": {"$secret": "intel"}}), "steps[0].cache.key"),
    ] {
        let told = checked(json!([step("intel.look", json!({"ttl": "1h", "key": key}))])).unwrap_err();
        assert!(told.len() == 1 && told[0].starts_with(place), "{told:?}");
    }
}
