//! Mistakes in what an author wrote out: they are found whatever the templates beside it give.

use super::*;

#[track_caller]
fn one(step: Value, expected: &str) {
    assert_eq!(mistakes(json!([step])), [format!("steps[0].{expected}")]);
}

#[track_caller]
fn none(step: Value) {
    let found = check(&playbook(json!([step])));
    assert!(found.is_ok(), "{:?}", found.err());
}

#[test]
fn in_filters_of_dates() {
    let reads = |expression: &str| json!({"id": "a", "end": format!("{{{{ {expression} }}}}")});
    for (expression, message) in [
        ("now|date_add('5 days')", "`date_add` needs a duration such as `1h 30m`, `500ms` or `-7d`"),
        ("now|date_add(5)", "`date_add` takes a text here, not a value of type number"),
        (
            "now|date_format('%Y', zone='Mars')",
            "`date_format` knows no such time zone; `UTC` and `Europe/Berlin` are some",
        ),
        ("input.x|date(zone='Mars')", "`date` knows no such time zone; `UTC` and `Europe/Berlin` are some"),
        ("now|date_diff(input.x, 'weeks')", "the unit of `date_diff` is `ms`, `s`, `m`, `h` or `d`"),
        ("now|epoch('m')", "the unit of `epoch` is `s` or `ms`"),
        ("[now]|map('epoch', 'm')|list", "the unit of `epoch` is `s` or `ms`"),
    ] {
        one(reads(expression), &format!("end: {message}"));
    }
    for wrong in ["date_format('%Q')", "date('%Q')"] {
        let found = mistakes(json!([reads(&format!("now|{wrong}"))]));
        assert!(found[0].contains("has a `%` without one of its letters"), "{found:?}");
    }
    for right in ["date('s')", "date('ms')", "date('%d.%m.%Y', zone='UTC')", "date_add(input.x)", "epoch"] {
        none(reads(&format!("input.n|{right}")));
    }
}

#[test]
fn of_the_people_who_are_asked() {
    let asks = |fields: Value| {
        let mut step = json!({"approval": "Go on?", "group": "soc"});
        step.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        step
    };
    let names = "a name, or a list of 1 to 100 names, is needed";
    for wrong in [json!(7), json!({}), json!([7]), json!(""), json!(["ana", ""]), json!([["ana"]])] {
        one(asks(json!({"assignees": wrong})), &format!("assignees: {names}"));
        one(asks(json!({"group": wrong})), &format!("group: {names}"));
    }
    one(asks(json!({"assignees": []})), "assignees: names nobody");
    one(asks(json!({"approval": " "})), "approval: a question is needed");
    for right in [json!("ana"), json!(["ana", "{{ input.x }}"]), json!("{{ input.people }}")] {
        none(asks(json!({"assignees": right})));
    }
}

#[test]
fn of_keys_and_of_inputs_of_other_playbooks() {
    for wrong in [json!([1]), json!(null), json!(""), json!({"a": "{{ input.x }}"})] {
        let key = "key: a text of 1 to 256 bytes, a number or a boolean is needed";
        one(json!({"wait_for": "closed", "key": wrong}), key);
    }
    for wrong in [json!(7), json!(true), json!("host")] {
        let with = "with: a map is needed, with the inputs of the playbook by their names";
        one(json!({"playbook": "other", "with": wrong}), with);
    }
    for right in [json!(7), json!("{{ input.x }}"), json!("a")] {
        none(json!({"wait_for": "closed", "key": right}));
    }
    none(json!({"playbook": "other", "with": "{{ input.x }}"}));
}

#[test]
fn of_one_text_each_expression_is_told() {
    let found = |text: &str| mistakes(json!([{"id": "a"}, {"id": "b", "end": text}]));
    assert_eq!(
        found("{{ steps.a.outpt }} {{ stesp.a.output }} {{ stesp.a.output }}"),
        [
            "steps[1].end: `steps.a` has no `outpt`; a step has `output`, `status` and `error`",
            "steps[1].end: `stesp` is not known; did you mean \"steps\"?; there are `input`, `variables`, `constants`, \
             `steps` and `now`",
        ]
    );
    let set = found(
        "{% set x = inptu.y %}{% with z = x.a|yell %}{{ x }}{{ z }}{% endwith %}{% if x %}{{ zz }}{% endif %}",
    );
    assert_eq!(set.len(), 3, "a name that is set is there, whatever its value is: {set:?}");
    let many: String = (0..500).map(|n| format!("{{{{ x{n} }}}}")).collect();
    assert_eq!(found(&many).len(), updraft_protocol::limits::MISTAKES);
}

#[test]
fn of_names_that_are_not_there_those_are_told_that_are() {
    let playbook = with(json!({
        "variables": {"limit": 1, "tenant": 2}, "steps": [{"end": "{{ variables.xx }}"}],
    }));
    assert_eq!(
        check(&playbook).unwrap_err(),
        ["steps[0].end: there is no variable \"xx\"; there are limit, tenant"]
    );
    let wrong = "{{ input.x|uper }}{{ 'a' is matchin('a') }}";
    assert_eq!(
        mistakes(json!([{"end": wrong}])),
        [
            "steps[0].end: no filter `uper`; did you mean \"upper\"?",
            "steps[0].end: no test `matchin`; did you mean \"matching\"?",
        ]
    );
    one(
        json!({"for_each": "zz zz", "do": [{"id": "a"}]}),
        "for_each: line 1: unexpected name, expected an operator, or the end of the expression",
    );
}
