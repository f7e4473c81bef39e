//! Each mistake has its place, and a value that is not known yet is no mistake.

use serde_json::json;

use serde_json::Value as Tree;
use updraft_protocol::Json;

use super::*;
use crate::plan::check_schema;

/// The mistakes of arguments against a schema; a text with braces is a template.
fn mistakes(schema: Tree, arguments: Tree) -> Vec<String> {
    let schema = Schema::compile(&Json::from(schema), "argument").unwrap();
    let Value::Object(arguments) = arguments.into() else { panic!("a map") };
    let spec = ActionSpec { takes_secrets: true, ..ActionSpec::default() };
    let template = Template::arguments("arguments", &arguments, &spec).unwrap();
    let (written, unknown) = (template.written_out(), template.unknown());
    let held = Held { place: "arguments", written: &written, unknown };
    held.against(&schema).iter().map(ToString::to_string).collect()
}

#[test]
fn each_mistake_has_its_place_and_says_what_is_needed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "host": {"type": "string", "minLength": 2, "pattern": "^[a-z-]+$", "description": "a host in small letters"},
            "hours": {"type": ["integer", "null"], "minimum": 1, "maximum": 72},
            "mode": {"enum": ["full", "selective"]},
            "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        },
        "required": ["host"],
        "additionalProperties": false,
    });
    let arguments = json!({
        "hosts": "a", "hours": 80, "mode": "fool", "tags": ["a", 5, "c"], "na me": 1
    });
    assert_eq!(
        mistakes(schema.clone(), arguments),
        [
            "arguments.host: is needed",
            "arguments.hosts: there is no such argument; did you mean \"host\"?; there are host, hours, mode, tags",
            "arguments.hours: must be at most 72",
            "arguments.mode: one of full, selective is needed",
            "arguments.tags: at most 2 items are allowed",
            "arguments.tags[1]: a text is needed",
            "arguments[\"na me\"]: there is no such argument; there are host, hours, mode, tags",
        ]
    );
    assert_eq!(
        mistakes(schema.clone(), json!({"host": "SRV 1", "hours": "4"})),
        [
            "arguments.host: is not what is needed: a host in small letters",
            "arguments.hours: a whole number is needed",
        ]
    );
    assert_eq!(mistakes(schema, json!({"host": "srv-a", "hours": null})), Vec::<String>::new());
}

#[test]
fn what_a_template_or_a_secret_gives_is_not_held_against_the_schema() {
    let schema = json!({
        "properties": {
            "n": {"type": "integer"},
            "list": {"type": "array", "items": {"type": "integer"}, "minItems": 3},
            "map": {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": false},
            "key": {"type": "string", "minLength": 9},
            "one": {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
        }
    });
    let open = json!({
        "n": "{{ input.n }}", "list": ["{{ input.a }}"], "map": {"a": "{{ input.a }}"},
        "key": {"$secret": "k"}, "one": ["{{ input.a }}"],
    });
    assert_eq!(mistakes(schema.clone(), open), Vec::<String>::new());
    let wrong = json!({"list": ["a", "{{ input.a }}"], "map": {"b": "{{ input.a }}"}, "one": ["a"]});
    assert_eq!(
        mistakes(schema, wrong),
        [
            "arguments.list[0]: a whole number is needed",
            "arguments.map.b: there is no such argument; there are a",
            "arguments.one: is not what its schema allows",
        ]
    );
}

#[test]
fn a_text_that_is_no_schema_says_what_is_wrong() {
    let error = check_schema(&Json::from(json!({"type": "strin"}))).unwrap_err();
    assert!(error.contains("/type"), "{error}");
    assert!(check_schema(&Json::from(json!({"pattern": "(?=a)"}))).is_err(), "a pattern without a bound");
}

#[test]
fn a_default_is_what_a_step_has_that_does_not_give_it() {
    let schema =
        Some(Json::from(json!({"properties": {"a": {"default": 1}, "b": {"default": "x"}, "c": {}}})));
    let spec = ActionSpec { schema, ..ActionSpec::default() };
    let given = BTreeMap::from([("a".to_owned(), Value::from(json!(7)))]);
    let all = with_defaults(&given, &spec).unwrap();
    assert_eq!(Value::Object(all), json!({"a": 7, "b": "x"}));
    assert_eq!(with_defaults(&given, &ActionSpec::default()), None);
}

#[test]
fn a_branch_that_a_template_decides_is_not_held_against_the_arguments() {
    let decided = json!({
        "if": {"properties": {"mode": {"const": "x"}}, "required": ["mode"]},
        "then": {"properties": {"y": {"type": "integer"}}},
        "else": {"required": ["z"], "$ref": "#/$defs/few"},
        "$defs": {"few": {"maxProperties": 2}},
    });
    let open = json!({"mode": "{{ input.m }}", "y": "a", "w": 1});
    assert_eq!(mistakes(decided.clone(), open.clone()), Vec::<String>::new());
    let deep = json!({"properties": {"in": decided.clone()}, "$defs": decided["$defs"]});
    assert_eq!(mistakes(deep, json!({"in": open})), Vec::<String>::new());
    let other = json!({"mode": "w", "y": "{{ input.m }}", "v": 1});
    assert_eq!(
        mistakes(decided.clone(), other),
        ["arguments: at most 2 fields are allowed", "arguments.z: is needed"],
        "a template elsewhere decides nothing"
    );
    assert_eq!(mistakes(decided, json!({"mode": "x", "y": "a"})), ["arguments.y: a whole number is needed"]);
    let named = json!({"properties": {"then": {"required": ["a"]}}});
    let wrong = json!({"then": {"b": "{{ input.b }}"}});
    assert_eq!(mistakes(named, wrong), ["arguments.then.a: is needed"], "a name that reads like a branch");
    let dependent = json!({"dependentSchemas": {"a": {"required": ["b"]}}});
    assert_eq!(mistakes(dependent, json!({"a": "{{ input.a }}"})), ["arguments.b: is needed"]);
}

#[test]
fn which_names_a_branch_allows_is_not_known_before_its_template_is() {
    let branches = json!({
        "if": {"properties": {"mode": {"const": "x"}}, "required": ["mode"]},
        "then": {"properties": {"a": true}},
        "properties": {"mode": true},
        "unevaluatedProperties": false,
    });
    assert_eq!(mistakes(branches.clone(), json!({"mode": "{{ input.m }}", "a": 1})), Vec::<String>::new());
    let closed = mistakes(branches, json!({"mode": "y", "a": 1}));
    assert_eq!(closed, ["arguments.a: there is no such argument; there are mode"]);
    let plain = json!({"properties": {"mode": true}, "unevaluatedProperties": false});
    let wrong = mistakes(plain, json!({"mode": "{{ input.m }}", "a": 1}));
    assert_eq!(wrong, ["arguments.a: there is no such argument; there are mode"]);
}
