//! The schema of the input: its own mistakes, the fields that no input has, and defaults.

use super::*;

fn with_inputs(inputs: Value, end: &str) -> Result<Plan, Vec<String>> {
    check(&with(json!({"inputs": inputs, "steps": [{"id": "a", "end": end}]})))
}

#[track_caller]
fn refused(inputs: Value, expected: &str) {
    let mistakes = with_inputs(inputs, "x").unwrap_err();
    assert!(mistakes.len() == 1 && mistakes[0].starts_with(expected), "{mistakes:?}");
}

#[test]
fn a_schema_that_cannot_check_inputs_is_a_mistake() {
    refused(json!({"properties": {}}), "inputs: describes a map: `{type: object, properties: {…}}`");
    refused(json!([1]), "inputs: describes a map");
    refused(
        json!({"type": "object", "properties": {"a": {"type": "strin"}}}),
        "inputs.properties.a.type: no type \"strin\"; did you mean \"string\"?",
    );
    refused(
        json!({"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}),
        "inputs.properties.a.pattern: is no pattern that can be used",
    );
    refused(
        json!({"type": "object", "properties": {"a": {"default": "x", "type": "integer"}}}),
        "inputs.properties.a.default: a whole number is needed",
    );
}

#[test]
fn a_misspelt_keyword_is_a_mistake_and_a_remark_is_none() {
    let told = |place: &str, near: &str| {
        format!("inputs.{place}: there is no such keyword; did you mean \"{near}\"?")
    };
    refused(json!({"type": "object", "requried": ["a"]}), &told("requried", "required"));
    refused(
        json!({"type": "object", "properties": {"a": {"type": "string", "maxLenght": 3}}}),
        &told("properties.a.maxLenght", "maxLength"),
    );
    refused(
        json!({"type": "object", "allOf": [{"items": {"patern": "a"}}]}),
        &told("allOf[0].items.patern", "pattern"),
    );
    let remarks = json!({
        "type": "object", "x-items": 1, "note": "for the analyst", "example": {"requried": 1}, "owner": "soc",
        "sample": 1, "table": 1, "allow": 1, "minimal": 1, "typ": "internal", "tape": 1, "types": [], "num": 7,
        "properties": {"requried": {"type": "string", "enum": ["patern"]}}
    });
    assert!(with_inputs(remarks, "x").is_ok(), "a field of the input has any name");
}

#[test]
fn all_mistakes_of_a_schema_are_told_at_once_each_at_its_own_place() {
    let mistakes = with_inputs(
        json!({"type": "object", "requird": ["a"], "properties": {
            "a": {"typ": "string"}, "b": {"minimun": 3, "type": ["string", "nul"], "minLength": "x"},
            "c/d": {"enums": [1, 2], "type": 7}, "e": 5,
        }}),
        "x",
    );
    assert_eq!(
        mistakes.unwrap_err(),
        [
            "inputs.properties.a.typ: there is no such keyword; did you mean \"type\"?",
            "inputs.properties.b.minLength: a whole number is needed",
            "inputs.properties.b.minimun: there is no such keyword; did you mean \"minimum\"?",
            "inputs.properties.b.type: no type \"nul\"; did you mean \"null\"?",
            "inputs.properties[\"c/d\"].enums: there is no such keyword; did you mean \"enum\"?",
            "inputs.properties[\"c/d\"].type: one of array, boolean, integer, null, number, object, string is needed, or a list of them",
            "inputs.properties.e: true or false or a map is needed",
            "inputs.requird: there is no such keyword; did you mean \"required\"?",
        ]
    );
}

#[test]
fn a_hostile_schema_is_a_mistake_and_no_standstill() {
    let object = |more: Value| json!({"type": "object", "allOf": [more]});
    refused(object(json!({"$ref": "#"})), "inputs: `$ref` is not available: a schema stands on its own");
    refused(object(json!({"$dynamicRef": "#"})), "inputs: `$dynamicRef` is not available");
    let deep = (0..100).fold(json!(true), |inner, _| json!({ "not": inner }));
    refused(object(deep), "inputs: nested more than 64 deep");
    let wide: Vec<_> = (0..2_000).map(|n| json!({ "const": n })).collect();
    refused(object(json!({ "anyOf": wide })), "inputs: a schema has at most 2000 values, and 64 patterns");
    let patterns: Vec<_> = (0..65).map(|n| json!({"pattern": format!("a{n}")})).collect();
    refused(
        object(json!({ "anyOf": patterns })),
        "inputs: a schema has at most 2000 values, and 64 patterns",
    );
    let huge = "inputs.allOf[0].pattern: is no pattern that can be used";
    refused(object(json!({"pattern": "\\p{L}{900}"})), huge);
    let many: Vec<_> = (0..900).map(|n| json!({ "const": n })).collect();
    let plan = with_inputs(object(json!({"properties": {"a": {"items": {"anyOf": many}}}})), "x").unwrap();
    let large = json!({"a": vec![1_000; 100_000]});
    let mistakes = plan.inputs.unwrap().filled(&large.into()).unwrap_err();
    assert!(
        mistakes[0].to_string().ends_with("are too many for a schema with 902 alternatives"),
        "{mistakes:?}"
    );
}

#[test]
fn a_field_that_no_input_has_is_a_mistake_where_it_is_read() {
    let closed = json!({
        "type": "object", "additionalProperties": false,
        "properties": {"host": {"type": "string"}, "who": {"properties": {"id": {}}}, "any": {}}
    });
    for end in
        ["{{ input.host }}", "{{ input.who.mail }}{{ input.any.x[0] }}", "{{ input }}", "{{ input['host'] }}"]
    {
        assert!(with_inputs(closed.clone(), end).is_ok(), "{end}");
    }
    for end in ["{{ input.hots }}", "{{ input.hots.x|default('') }}", "{{ input.hots is defined }}"] {
        assert_eq!(
            with_inputs(closed.clone(), end).unwrap_err(),
            [
                "steps[0].end: `input.hots` is not among the inputs; did you mean \"host\"?; there are any, host, who"
            ],
            "{end}"
        );
    }
    let open = json!({"type": "object", "properties": {"host": {}}});
    assert!(with_inputs(open, "{{ input.hots }}").is_ok());
    let patterns = json!({"type": "object", "additionalProperties": false, "patternProperties": {"^h": {}}});
    assert!(with_inputs(patterns, "{{ input.hots }}").is_ok());
}

#[test]
fn defaults_are_filled_in_and_other_values_stay_as_they_are() {
    let schema = json!({"type": "object", "properties": {
        "n": {"default": 5}, "who": {"default": {}, "properties": {"role": {"default": "soc"}}}
    }});
    let inputs = with_inputs(schema, "x").unwrap().inputs.unwrap();
    let filled = |text: &str| {
        inputs.filled(&updraft_protocol::Value::parse(text).unwrap()).map(|filled| filled.to_string())
    };
    assert_eq!(filled("null").unwrap(), r#"{"n":5,"who":{"role":"soc"}}"#);
    let exact = r#"{"big":123456789012345678901234567890,"n":null,"who":1}"#;
    assert_eq!(filled(exact).unwrap(), exact);
    assert_eq!(filled("[]").unwrap_err()[0].to_string(), "input: a map is needed");
}
