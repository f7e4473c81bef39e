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
            "steps[0].set: at least one variable is needed: `{count: 1}`",
            "steps[1].set: \"a-b\" is no name of a variable: letters, digits and `_`, not starting with a digit",
        ]
    );
}
