//! Loops: the names that a body can read, what is read of the steps inside, and the mistakes in their fields.

use super::*;

/// The one mistake of a loop with these fields.
#[track_caller]
fn one(fields: Value, expected: &str) {
    let mut step = json!({"id": "all", "for_each": "input.hosts", "do": [{"id": "isolate"}]});
    step.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    assert_eq!(mistakes(json!([step])), [expected]);
}

/// A step that reads this.
fn reads(id: &str, expression: &str) -> Value {
    json!({"id": id, "arguments": {"x": format!("{{{{ {expression} }}}}")}})
}

#[test]
fn a_body_reads_its_item_under_the_name_that_the_step_gives() {
    let each = |body: Value| json!([{"id": "all", "for_each": "input.hosts", "as": "host", "do": body}]);
    for read in ["host", "host.name", "host_index", "host_key"] {
        assert!(check(&playbook(each(json!([reads("a", read)])))).is_ok(), "{read}");
    }
    let there =
        "there are `input`, `variables`, `constants`, `steps`, `now`, `host`, `host_index` and `host_key`";
    assert_eq!(
        mistakes(each(json!([reads("a", "item")]))),
        [format!("steps[0].do[0].arguments.x: `item` is not known; {there}")]
    );
    assert_eq!(
        mistakes(each(json!([reads("a", "host_idx")]))),
        [format!(
            "steps[0].do[0].arguments.x: `host_idx` is not known; did you mean \"host_index\"?; {there}"
        )]
    );
    let outside = mistakes(json!([
        {"id": "all", "for_each": "input.hosts", "do": [{"id": "a"}]}, reads("after", "item"),
    ]));
    assert!(outside[0].starts_with("steps[1].arguments.x: `item` is not known"), "{outside:?}");
}

#[test]
fn a_step_inside_is_read_inside_and_by_collect_and_nowhere_else() {
    let body = json!([{"id": "a"}, reads("b", "steps.a.output")]);
    let each = |collect: &str| json!({"id": "all", "for_each": "input.l", "do": body, "collect": format!("{{{{ {collect} }}}}")});
    assert!(
        check(&playbook(json!([{"id": "first"}, each("[steps.b.output, item, steps.first.output]")])))
            .is_ok()
    );
    assert_eq!(
        mistakes(json!([each("steps.after.output"), {"id": "after"}])),
        ["steps[0].collect: \"after\" cannot have ended when the body of \"all\" has"]
    );
    assert_eq!(
        mistakes(json!([each("item"), reads("after", "steps.a.output")])),
        ["steps[1].arguments.x: \"a\" runs once for each round of \"all\", which keeps what it collects"]
    );
    assert!(check(&playbook(json!([each("item"), reads("after", "steps.all.output.results")]))).is_ok());
    let inner = json!({"id": "inner", "for_each": "item.l", "as": "part", "do": [{"id": "deep"}]});
    assert_eq!(
        mistakes(json!([
            {"id": "all", "for_each": "input.l", "do": [inner], "collect": "{{ steps.deep.output }}"},
        ])),
        ["steps[0].collect: \"deep\" cannot have ended when the body of \"all\" has"]
    );
}

#[test]
fn each_mistake_in_a_loop_has_its_place() {
    let bare = "an expression is written without `{{ }}` around it: `steps.lookup.output.hosts`";
    one(json!({"for_each": "{{ input.hosts }}"}), &format!("steps[0].for_each: {bare}"));
    one(json!({"do": []}), "steps[0].do: a body that is repeated needs at least one step");
    one(json!({"at_once": 0}), "steps[0].at_once: must be from 1 to 1000");
    one(
        json!({"as": "a-b"}),
        "steps[0].as: \"a-b\" is no name: letters, digits and `_`, not starting with a digit",
    );
    one(json!({"as": "steps"}), "steps[0].as: `steps` means something else in templates");
    one(
        json!({"do": [{"id": "inner", "for_each": "item.l", "do": [{"id": "isolate"}]}]}),
        "steps[0].do[0].for_each: a loop around this one names `item` too; `as: NAME` gives another name",
    );
    one(
        json!({"do": [{"id": "isolate", "next": "all"}]}),
        "steps[0].do[0].next: \"all\" is in another body, at steps[0]",
    );
    let unread = mistakes(json!([{"id": "all", "for_each": "input.", "do": [{"id": "a"}]}]));
    assert!(unread[0].starts_with("steps[0].for_each: "), "{unread:?}");
}
