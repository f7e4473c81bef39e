//! Which body may set which variable, and which may read it.

use super::*;

fn read(name: &str) -> Value {
    json!({"id": "reader", "arguments": {"x": format!("{{{{ variables.{name} }}}}")}})
}

#[test]
fn a_branch_or_an_item_sets_variables_of_its_own_alone() {
    let set = json!([{"set": {"count": 1}}]);
    let wrong = |owner: &str| {
        format!(
            "\"count\" is a variable of {owner}, which a branch or an item cannot set, as others may run beside it; \
             another name makes a variable of its own"
        )
    };
    assert_eq!(
        mistakes(json!([{"set": {"count": 0}}, {"id": "p", "parallel": "all", "branches": {"a": set}}])),
        [format!("steps[1].branches.a[0].set.count: {}", wrong("the main line, set at steps[0]"))]
    );
    let item = json!({"id": "i", "for_each": "input.list", "do": [{"until": "true", "do": set}]});
    let given = with(json!({"variables": {"count": 0}, "steps": [item]}));
    assert_eq!(
        check(&given).unwrap_err(),
        [format!("steps[0].do[0].do[0].set.count: {}", wrong("the playbook"))]
    );
    let nested = json!([
        {"for_each": "[1]", "do": [{"set": {"count": 0}}, {"parallel": "all", "branches": {"a": set}}]},
    ]);
    assert_eq!(
        mistakes(nested),
        [format!(
            "steps[0].do[1].branches.a[0].set.count: {}",
            wrong("the body around it, set at steps[0].do[0]")
        )]
    );
    let rounds = json!([{"set": {"count": 0}}, {"until": "true", "do": set}, read("count")]);
    assert!(check(&playbook(rounds)).is_ok());
    let both = json!([{"parallel": "all", "branches": {"a": set, "b": [{"set": {"count": 2}}]}}]);
    assert!(check(&playbook(both)).is_ok(), "each branch has one of its own");
}

#[test]
fn what_a_branch_or_an_item_sets_is_read_inside_of_it_alone() {
    let set = json!([{"set": {"count": 1}}, {"until": "variables.count == 1", "do": [read("count")]}]);
    assert_eq!(
        mistakes(
            json!([{"parallel": "all", "branches": {"a": set}}, {"if": "variables.count > 1", "then": []}])
        ),
        [
            "steps[1].if: \"count\" is set inside of a branch or an item, at steps[0].branches.a[0], and is read inside of \
             it alone; an item hands on what `collect` says"
        ]
    );
    let item = json!({"for_each": "[1]", "do": set, "collect": "{{ variables.count }}"});
    assert!(check(&playbook(json!([item]))).is_ok());
    assert_eq!(
        mistakes(json!([{"set": {"count": 1}}, read("cuont")])),
        ["steps[1].arguments: there is no variable \"cuont\"; did you mean \"count\"?"]
    );
}

#[test]
fn no_step_sets_where_urls_connect_to() {
    let url = json!({"integration": "web", "action": "get", "arguments": {"url": "{{ variables.edr }}/x"}});
    let steps = json!([{"set": {"edr": "https://elsewhere.example"}}, url]);
    let mut catalogue = catalogue();
    catalogue.add_integration(Name::new("web").unwrap(), std::sync::Arc::new(super::endpoints::Web));
    let playbook = with(json!({"variables": {"edr": "https://edr.example"}, "steps": steps}));
    let found = Plan::check(&playbook, &catalogue).unwrap_err();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["steps[0].set.edr: URLs connect to it, so that only the backend gives its value"]);
    assert_eq!(
        mistakes(json!([{"set": {}}, {"set": {"a-b": 1}}])),
        [
            "steps[1].set: \"a-b\" is no name of a variable: letters, digits and `_`, not starting with a digit"
        ]
    );
}

#[test]
fn types_hold_for_what_the_playbook_gives_and_for_what_is_given_in_place_of_it() {
    let types = json!({"threshold": {"type": "integer", "maximum": 100}, "owner": "string", "seen": "array"});
    let steps = json!([{"set": {"seen": []}}]);
    let variables = json!({"threshold": 80, "owner": null});
    let plan = check(&with(json!({"types": types, "variables": variables, "steps": steps}))).unwrap();
    let types = plan.types.unwrap();
    assert!(types.mistakes(&json!({"threshold": 7, "owner": "ana"}).into()).is_empty());
    let wrong = types.mistakes(&json!({"threshold": 101, "owner": null, "seen": 1}).into());
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong.iter().any(|wrong| wrong.starts_with("variables.threshold: ")), "{wrong:?}");

    let found = check(&with(json!({
        "types": {"threshold": "integer", "treshold": "integer"}, "variables": {"threshold": "many"},
    })));
    let found = found.unwrap_err();
    assert!(found[0].starts_with("variables.threshold: "), "{found:?}");
    assert_eq!(found[1], "types.treshold: there is no variable \"treshold\"; did you mean \"threshold\"?");
    let unknown = check(&with(json!({"types": {"a": "integr"}, "variables": {"a": 1}}))).unwrap_err();
    assert_eq!(unknown, ["types.a: no type \"integr\"; did you mean \"integer\"?"]);
}

#[test]
fn nothing_sets_a_constant_and_none_is_read_that_is_not_there() {
    let steps = json!([
        {"set": {"limit": 2}},
        {"if": "constants.limit > constants.limti", "then": []},
        {"end": "{{ variables.level }}"},
    ]);
    let found = check(&with(json!({"constants": {"limit": 1, "level": 3}, "steps": steps}))).unwrap_err();
    assert_eq!(
        found,
        [
            "steps[0].set.limit: \"limit\" is a constant, which nothing sets",
            "steps[1].if: there is no constant \"limti\"; did you mean \"limit\"?",
            "steps[2].end: there is no variable \"level\"; there is `constants.level`",
        ]
    );
    let rule = "is no name of a constant: letters, digits and `_`, not starting with a digit";
    assert_eq!(
        check(&with(json!({"constants": {"a-b": 1}}))).unwrap_err(),
        [format!("constants: \"a-b\" {rule}")]
    );
}
