//! Which steps a step may read: those that can have ended before it on its own path.

use super::*;

/// A parallel step of two branches between two steps; `reader` reads `read`.
fn reading(reader: &str, read: &str) -> Result<Plan, Vec<String>> {
    let step = |id: &str, mut step: Value| {
        step["id"] = json!(id);
        if id == reader {
            step["arguments"] = json!({"x": format!("{{{{ steps['{read}'].output }}}}")});
        }
        step
    };
    check(&playbook(json!([
        step("before", json!({})),
        {
            "id": "split", "parallel": "all",
            "branches": {
                "a": [
                    step("a1", json!({"on_failure": "a3"})),
                    step("a2", json!({})),
                    {"id": "a_ends", "end": null},
                    step("a3", json!({})),
                ],
                "b": [
                    step("b1", json!({})),
                    {"id": "inner", "parallel": "all", "branches": {"c": [step("c1", json!({}))]}},
                    step("b2", json!({})),
                ],
            },
        },
        {"id": "choose", "if": "true", "then": [step("t1", json!({}))], "else": [step("e1", json!({}))]},
        step("after", json!({"on_failure": [step("h1", json!({}))]})),
        step("last", json!({}))
    ])))
}

#[test]
fn a_step_reads_what_can_have_ended_before_it() {
    for (reader, read) in [
        ("a1", "before"),
        ("a2", "a1"),
        ("a2", "before"),
        ("b2", "c1"),
        ("b2", "inner"),
        ("c1", "b1"),
        ("c1", "before"),
        ("after", "split"),
        ("after", "a2"),
        ("after", "a3"),
        ("after", "c1"),
        ("last", "c1"),
        ("last", "before"),
        ("t1", "a2"),
        ("last", "t1"),
        ("last", "e1"),
        ("h1", "after"),
        ("last", "h1"),
    ] {
        assert!(reading(reader, read).is_ok(), "{reader} reads {read}: {:?}", reading(reader, read).err());
    }
}

#[test]
fn a_step_does_not_read_itself_what_follows_what_is_beside_it_or_what_it_is_inside_of() {
    for (reader, read) in [
        ("before", "before"),
        ("before", "after"),
        ("a1", "b1"),
        ("b2", "a1"),
        ("a1", "split"),
        ("c1", "inner"),
        ("c1", "split"),
        ("c1", "b2"),
        ("a2", "a3"),
        ("a3", "a2"),
        ("a1", "after"),
        ("t1", "e1"),
        ("e1", "t1"),
        ("after", "h1"),
    ] {
        let found = reading(reader, read).unwrap_err();
        assert_eq!(found.len(), 1);
        let expected = format!(".arguments.x: \"{read}\" cannot have ended before \"{reader}\" starts");
        assert!(found[0].ends_with(&expected), "{reader} reads {read}: {found:?}");
    }
}

#[test]
fn a_step_that_is_not_there_cannot_be_read() {
    let found =
        mistakes(json!([{"id": "lookup"}, {"id": "b", "arguments": {"x": [1, "{{ steps.lokup.output }}"]}}]));
    assert_eq!(found, ["steps[1].arguments.x[1]: no step \"lokup\"; did you mean \"lookup\"?"]);
    let found = mistakes(json!([{"id": "a", "if": "steps.gone is defined", "then": []}]));
    assert_eq!(found, ["steps[0].if: no step \"gone\""]);
    let found = mistakes(json!([{"id": "a", "end": "{{ steps['no such'].output }}"}]));
    assert_eq!(found, ["steps[0].end: no step \"no such\""]);
}

#[test]
fn conditions_and_outputs_are_looked_at_too() {
    let found = mistakes(json!([
        {"id": "i", "if": "steps.z.output.a == 1", "then": []},
        {"id": "z", "end": {"o": "{{ steps.z.status }}"}}
    ]));
    assert_eq!(
        found,
        [
            "steps[0].if: \"z\" cannot have ended before \"i\" starts",
            "steps[1].end.o: \"z\" cannot have ended before \"z\" starts"
        ]
    );
}
