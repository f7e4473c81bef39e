//! The endpoints of a playbook: the checks of its constants, and what the plan reports of them.

use std::sync::Arc;

use updraft_protocol::{
    ActionSpec, Answer, Argument, Call, Effect, Failure, FailureKind, Integration, Value as Given,
};

use super::*;

/// An integration that declares its arguments.
pub(super) struct Web;

impl Integration for Web {
    fn actions(&self) -> &[&str] {
        &["get"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        let arguments = &[
            ("headers", Argument::Headers),
            ("mode", Argument::Option),
            ("query", Argument::Fields),
            ("url", Argument::Url),
        ];
        ActionSpec { arguments, takes_secrets: true, ..ActionSpec::default() }
    }

    fn effect(&self, _: &str, arguments: &Given) -> Effect {
        if arguments["mode"] == "look" { Effect::Read } else { Effect::Write }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async { Err(Failure::new(FailureKind::Unreachable, "nothing is called here")) })
    }
}

fn checked(arguments: Value, variables: Value) -> Result<Plan, Vec<String>> {
    let step = json!({"id": "a", "integration": "web", "action": "get", "arguments": arguments});
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("web").unwrap(), Arc::new(Web));
    Plan::check(&with(json!({"variables": variables, "steps": [step]})), &catalogue)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn one(url: &str, variables: Value, expected: &str) {
    assert_eq!(checked(json!({ "url": url }), variables).unwrap_err(), [expected]);
}

#[test]
fn a_constant_that_is_no_place_to_connect_to_is_a_mistake_where_it_stands() {
    let url = "{{ variables.edr }}/hosts/{{ input.host }}";
    one(
        url,
        json!({"edr": "edr.example"}),
        "variables.edr: steps[0].arguments.url connects to it: a URL is needed that begins with `http://` or `https://`",
    );
    one(url, json!({"edr": 5}), "variables.edr: steps[0].arguments.url connects to it: a URL is needed");
    one(
        url,
        json!({"edr": "https://me:hunter2@edr.example"}),
        "variables.edr: steps[0].arguments.url connects to it: credentials belong into a header, as a secret: `{$secret: NAME}`",
    );
    one(url, json!({}), "steps[0].arguments.url: the playbook has no `variables.edr` to connect to");
    one(
        "{{ variables.tools.edr[1] }}/a",
        json!({"tools": {"edr": ["https://a"]}}),
        "steps[0].arguments.url: the playbook has no `variables.tools.edr[1]` to connect to",
    );
    one(
        "https://{{ variables.region }}.edr.example/",
        json!({"region": "eu/"}),
        "variables.region: steps[0].arguments.url connects to it: the name of a host, or a port, is needed: letters, \
         digits, `-` and `.`",
    );
    assert!(checked(json!({"url": "https://h:{{ variables.port }}/"}), json!({"port": 8443})).is_ok());
}

#[test]
fn a_mistake_in_a_constant_is_told_once_however_often_it_is_used() {
    let urls = json!({"url": "{{ variables.edr }}/a", "query": {"q": "{{ variables.edr }}"}});
    assert_eq!(checked(urls, json!({"edr": "x"})).unwrap_err().len(), 1);
}

#[test]
fn the_plan_knows_which_variables_are_connected_to_and_what_they_may_be() {
    let plan = checked(
        json!({"url": "{{ variables.tools.edr }}/{{ variables.limit }}"}),
        json!({"tools": {"edr": null}, "limit": 5}),
    );
    let plan = plan.unwrap();
    assert!(plan.connects_to("tools") && !plan.connects_to("limit") && !plan.connects_to("gone"));
    let lacks = |tools: Value| {
        let tools = Given::from(tools);
        plan.lacks_endpoint(|name| (name == "tools").then_some(&tools)).map(str::to_owned)
    };
    assert_eq!(lacks(json!({"edr": null})).as_deref(), Some("tools"));
    assert_eq!(lacks(json!({"edr": "https://h", "siem": null})), None);
    assert_eq!(plan.check_endpoint("tools", &json!({"edr": "https://h"}).into()), Ok(()));
    assert_eq!(plan.check_endpoint("limit", &json!("anything").into()), Ok(()));
    for value in [json!("https://h"), json!({"edr": null}), json!({"edr": "ftp://h"}), json!(null)] {
        assert!(plan.check_endpoint("tools", &value.clone().into()).is_err(), "{value}");
    }
}

#[test]
fn the_plan_lists_where_a_value_may_be_structure_and_has_the_secrets_and_the_effect_of_each_action() {
    let plan = checked(
        json!({
            "url": "https://h/{{ input.a | path }}", "query": {"b": "{{ input.b | spread }}"}, "mode": "look",
            "headers": {"Authorization": {"$secret": "token"}},
        }),
        json!({}),
    );
    let plan = plan.unwrap();
    let places: Vec<_> =
        plan.structures().map(|structure| (structure.place.as_str(), structure.filter)).collect();
    assert_eq!(places, [("steps[0].arguments.query.b", "spread"), ("steps[0].arguments.url", "path")]);
    let PlannedKind::Action(action) = &plan.step(at(&plan, "a")).kind else { panic!("action") };
    assert_eq!(action.effect, Effect::Read);
    assert_eq!(
        (action.secrets[0].place.as_str(), action.secrets[0].name.as_str()),
        ("/headers/Authorization", "token")
    );
}

#[test]
fn a_reference_to_a_secret_in_a_variable_is_a_mistake() {
    let mistakes = checked(json!({}), json!({"a": {"b": [{"$secret": "token"}]}})).unwrap_err();
    assert!(
        mistakes[0].starts_with("variables.a: a secret may stand only as a value in the arguments"),
        "{mistakes:?}"
    );
}

#[test]
fn a_url_connects_to_a_constant_that_only_the_playbook_gives() {
    let step =
        |url: &str| json!({"id": "a", "integration": "web", "action": "get", "arguments": {"url": url}});
    let mut catalogue = Catalogue::default();
    catalogue.add_integration(Name::new("web").unwrap(), Arc::new(Web));
    let check = |url: &str, edr: Value| {
        let playbook =
            with(json!({"constants": {"edr": edr}, "variables": {"edr": 1}, "steps": [step(url)]}));
        Plan::check(&playbook, &catalogue).map_err(|mistakes| mistakes[0].to_string())
    };
    let plan = check("{{ constants.edr }}/hosts", json!("https://edr.example")).unwrap();
    assert!(plan.connects() && !plan.connects_to("edr"), "a submission gives it no other value");
    assert_eq!(
        check("{{ constants.edr }}/hosts", json!(null)).unwrap_err(),
        "constants.edr: steps[0].arguments.url connects to it: a URL is needed"
    );
    assert_eq!(
        check("{{ constants.other }}/hosts", json!("https://edr.example")).unwrap_err(),
        "steps[0].arguments: there is no constant \"other\"; there are edr"
    );
}
