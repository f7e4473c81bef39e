//! The schema against the parser, the examples, and what editors need.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/playbook.schema.json");
    let text = format!("{:#}\n", playbook_schema());
    if std::env::var_os("UPDRAFT_WRITE_SCHEMA").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, text, "run the test with UPDRAFT_WRITE_SCHEMA=1 and commit the file");
}

#[test]
fn the_committed_schema_of_triggers_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/trigger.schema.json");
    let text = format!("{:#}\n", trigger_schema());
    if std::env::var_os("UPDRAFT_WRITE_SCHEMA").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, text, "run the test with UPDRAFT_WRITE_SCHEMA=1 and commit the file");
}

fn example(name: &str) -> serde_json::Value {
    let path = format!("{}/../examples/{name}/playbook.yaml", env!("CARGO_MANIFEST_DIR"));
    let playbook = Playbook::parse(&std::fs::read(path).unwrap()).unwrap();
    serde_json::to_value(playbook).unwrap()
}

#[test]
fn the_schema_accepts_the_examples() {
    let schema = jsonschema::validator_for(&playbook_schema()).unwrap();
    for name in ["indicator-sweep", "phishing-triage", "ransomware-containment"] {
        let mistakes: Vec<String> = schema.iter_errors(&example(name)).map(|e| e.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let schema = jsonschema::validator_for(&playbook_schema()).unwrap();
    for (field, value) in [
        ("branches", serde_json::json!({"b": [{"end": null}]})),
        ("on_failure", serde_json::json!([{"actoin": "http.request"}])),
        ("id", serde_json::json!("two words")),
        ("timeout", serde_json::json!(5)),
        ("on_succes", serde_json::json!("next")),
        ("then", serde_json::json!([])),
    ] {
        let mut playbook = serde_json::json!({
            "format": 1, "name": "p", "version": 1,
            "steps": [{"id": "a", "action": "http.request"}],
        });
        assert!(schema.is_valid(&playbook) && Playbook::parse(playbook.to_string().as_bytes()).is_ok());
        playbook["steps"][0][field] = value;
        assert!(!schema.is_valid(&playbook), "{field}");
        assert!(Playbook::parse(playbook.to_string().as_bytes()).is_err(), "{field}");
    }
}

/// Each property of a type or of one of its forms.
fn properties(schema: &Value) -> Vec<(String, Value)> {
    let types = schema["$defs"].as_object().unwrap().iter().map(|(name, kind)| (name.as_str(), kind));
    let mut all = Vec::new();
    for (name, kind) in types.chain([("Playbook", schema)]) {
        let forms = kind.get("oneOf").and_then(Value::as_array).into_iter().flatten().chain([kind]);
        for properties in forms.filter_map(|form| form.get("properties")?.as_object()) {
            all.extend(properties.iter().map(|(field, is)| (format!("{name}.{field}"), is.clone())));
        }
    }
    all
}

#[test]
fn each_type_and_field_has_a_title_and_a_description_and_each_field_an_example_that_fits() {
    let schema = playbook_schema();
    let told =
        |of: &Value, key: &str| of.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let types = schema["$defs"].as_object().unwrap();
    let untold = types.iter().filter(|(_, kind)| !(told(kind, "title") && told(kind, "description")));
    assert_eq!(untold.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<&str>::new());
    for (name, field) in properties(&schema) {
        assert!(told(&field, "title") && told(&field, "description"), "{name}");
        let examples = field.get("examples").and_then(Value::as_array).cloned().unwrap_or_default();
        assert!(!examples.is_empty(), "{name}");
        let mut alone = field;
        alone["$defs"] = schema["$defs"].clone();
        let alone = jsonschema::validator_for(&alone).unwrap();
        for example in &examples {
            let wrong: Vec<String> = alone.iter_errors(example).map(|error| error.to_string()).collect();
            assert_eq!(wrong, Vec::<String>::new(), "{name}: {example}");
        }
    }
}

#[test]
fn each_hint_is_of_a_type_and_a_field_that_are_there() {
    let schema = playbook_schema();
    let there: BTreeSet<String> = properties(&schema).into_iter().map(|(name, _)| name).collect();
    let told: Vec<String> =
        hints::fields().iter().map(|(kind, field, ..)| format!("{kind}.{field}")).collect();
    assert_eq!(told.iter().filter(|name| !there.contains(*name)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "a field has two hints");
    let types = schema["$defs"].as_object().unwrap();
    let missing = hints::TITLES.iter().filter(|(name, _)| *name != "Playbook" && !types.contains_key(*name));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
}

/// A snippet as it stands once it is inserted: each place has the text that it begins with.
fn inserted(snippet: &str) -> String {
    let (mut text, mut rest) = (String::new(), snippet);
    while let Some((before, place)) = rest.split_once("${") {
        let (_, default) = place.split_once(':').unwrap();
        let end =
            (0..default.len()).find(|&at| default[at..].starts_with('}') && !default[..at].ends_with('\\'));
        text.extend([before, &default[..end.unwrap()].replace("\\\\}", "}")]);
        rest = &default[end.unwrap() + 1..];
    }
    text + rest
}

#[test]
fn what_a_snippet_inserts_is_a_playbook_and_each_kind_of_step_has_one() {
    let schema = playbook_schema();
    let whole = inserted(&schema["defaultSnippets"][0]["body"].to_string());
    Playbook::parse(whole.as_bytes()).unwrap();
    let mut kinds = BTreeSet::new();
    for snippet in schema["$defs"]["Step"]["defaultSnippets"].as_array().unwrap() {
        let step = inserted(&snippet["body"].to_string());
        let playbook = format!("{{\"format\": 1, \"name\": \"p\", \"version\": 1, \"steps\": [{step}]}}");
        let playbook = Playbook::parse(playbook.as_bytes()).unwrap_or_else(|error| panic!("{step}: {error}"));
        kinds.insert(playbook.steps[0].kind.name());
    }
    let all = schema["$defs"]["Step"]["oneOf"].as_array().unwrap().len();
    assert_eq!(kinds.len(), all, "{kinds:?}");
}
