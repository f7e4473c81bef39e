//! Scalars: the values of YAML's plain ones, and that JSON and YAML give the same values.

use proptest::prelude::*;

use super::*;
use crate::value::{Number, Value};

/// A playbook whose variable `v` is `yaml`.
fn playbook(yaml: &str) -> Result<Playbook, Error> {
    Playbook::parse(YAML.replace("steps:", &format!("variables: {{v: {yaml}}}\nsteps:")).as_bytes())
}

fn variable(yaml: &str) -> Value {
    playbook(yaml).unwrap().variables["v"].clone()
}

fn refusal(yaml: &str) -> String {
    playbook(yaml).unwrap_err().to_string()
}

#[test]
fn null_true_false_and_numbers_of_json_are_themselves() {
    assert_eq!(variable("null"), Value::Null);
    assert_eq!(variable("[true, false]"), serde_json::json!([true, false]));
    for number in [
        "0",
        "-0",
        "7",
        "-12",
        "1.50",
        "1e3",
        "1E+3",
        "12e45678",
        "0.30000000000000000001",
        "123456789012345678901234567890",
        "-0.0",
    ] {
        assert_eq!(variable(number), Value::Number(Number::parse(number).unwrap()), "{number}");
    }
    assert_eq!(variable("12e45678").to_string(), "12e45678");
}

#[test]
fn all_else_without_quotes_is_text() {
    for text in [
        "NO",
        "no",
        "yes",
        "On",
        "off",
        "y",
        "N",
        "007",
        "-01",
        "0x1F",
        "0o17",
        "0b1",
        "1_000",
        ".5",
        "5.",
        "+1",
        "1e",
        ".inf",
        "-.INF",
        ".nan",
        "NaN",
        "Infinity",
        "2024-02-30",
        "2024-01-01T00:00:00Z",
        "12:30:45",
        "1.2.3",
        "1,5",
        "0777",
        "nulls",
        "truely",
        "none",
        "undefined",
        "=",
    ] {
        assert_eq!(variable(&if text.contains(',') { format!("'{text}'") } else { text.to_owned() }), text);
        let block = format!("variables:\n  v: {text}\nsteps:");
        let read = Playbook::parse(YAML.replace("steps:", &block).as_bytes()).unwrap();
        assert_eq!(read.variables["v"], text);
    }
}

#[test]
fn what_is_quoted_or_a_block_is_text() {
    for yaml in ["\"true\"", "'null'", "\"1\"", "!!str 1", "!!str true", "'~'", "\"\""] {
        assert!(variable(yaml).as_str().is_some(), "{yaml}");
    }
    let block = "variables:\n  v: |-\n    12\n  w: >-\n    true\nsteps:";
    let read = Playbook::parse(YAML.replace("steps:", block).as_bytes()).unwrap();
    assert_eq!((read.variables["v"].as_str(), read.variables["w"].as_str()), (Some("12"), Some("true")));
}

#[test]
fn constants_in_another_spelling_and_missing_values_are_refused_with_what_to_write() {
    for (yaml, write) in [
        ("True", "write `true`, or `\"True\"`"),
        ("FALSE", "write `false`, or `\"FALSE\"`"),
        ("NULL", "write `null`, or `\"NULL\"`"),
        ("nULL", "write `null`, or `\"nULL\"`"),
        ("~", "write `null`, or `\"~\"`"),
        ("", "write `null`, or `\"\"`"),
    ] {
        let error = refusal(yaml);
        assert!(error.starts_with("line 4, column ") && error.contains(", variables.v: "), "{error}");
        assert!(error.contains(write), "{error}");
    }
    let list = YAML.replace("steps:", "variables:\n  v:\n    - a\n    -\nsteps:");
    let error = Playbook::parse(list.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("variables.v[1]: a value is missing"), "{error}");
}

#[test]
fn the_name_of_a_field_is_a_text_whatever_it_looks_like() {
    let read = variable("{404: a, true: b, NO: c, null: d, 1.50: e, '': f, y: g}");
    let names: Vec<_> = read.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["", "1.50", "404", "NO", "null", "true", "y"]);
    for (yaml, reason) in [
        ("{~: a}", "a name is a text"),
        ("{: a}", "the name of a field is missing"),
        ("{<<: {a: 1}}", "fields are not merged here"),
        ("{[a]: b}", "the name of a field is needed"),
        ("{a: &x b, *x : c}", "the name of a field is needed"),
        ("{a: 1, 'a': 2}", "variables.v.a: stands here a second time; the first is at line 4, column 17"),
    ] {
        let error = refusal(yaml);
        assert!(error.contains(reason), "{yaml}: {error}");
    }
}

#[test]
fn tags_other_versions_and_second_documents_are_refused() {
    for yaml in ["!!int '1'", "!!binary aGk=", "!mine x", "!!set {a}", "! 12"] {
        let error = refusal(yaml);
        assert!(error.contains("tags are not read"), "{yaml}: {error}");
    }
    for (text, reason) in [
        (format!("%YAML 1.1\n---\n{YAML}"), "leave `%YAML` out"),
        (format!("{YAML}---\n{YAML}"), "line 8, column 1: a second document begins"),
        (String::new(), "the file is empty"),
        ("# nothing\n".to_owned(), "the file is empty"),
    ] {
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(Playbook::parse(format!("%YAML 1.2\n---\n{YAML}...\n").as_bytes()).is_ok());
}

#[test]
fn a_text_is_the_same_playbook_with_a_mark_other_line_ends_and_in_utf16() {
    let plain = YAML.replace("steps:", "description: |\n  two\n  lines: ä🦀\nsteps:");
    let read = Playbook::parse(plain.as_bytes()).unwrap();
    let windows = plain.replace('\n', "\r\n");
    let utf16 = |bytes: fn(u16) -> [u8; 2]| {
        std::iter::once(0xFEFF).chain(windows.encode_utf16()).flat_map(bytes).collect::<Vec<u8>>()
    };
    for bytes in [
        windows.clone().into_bytes(),
        format!("\u{feff}{windows}").into_bytes(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
        format!("\u{feff}{}", serde_json::to_string_pretty(&read).unwrap().replace('\n', "\r\n"))
            .into_bytes(),
    ] {
        assert_eq!(Playbook::parse(&bytes).unwrap(), read);
    }
}

#[test]
fn control_characters_and_half_characters_are_refused_with_their_place() {
    for (text, place) in [
        (YAML.replace("name: a", "name: a\0"), "line 2, column 8: a control character; write it as `\\x00`"),
        (
            YAML.replace("name: a", "description: \"\u{1b}\"\nname: a"),
            "line 2, column 15: a control character",
        ),
        (YAML.replace("name: a", "description: \"\\ud800\"\nname: a"), "line 2, column "),
        ("{\"format\": 1,\n\"description\": \"\\udc00\"}".to_owned(), "line 2, column "),
        ("{\"format\": 1,\n\"description\": \"\0\"}".to_owned(), "line 2, column 17"),
    ] {
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
    let escaped = YAML.replace("name: a", "description: \"\\x00 \\ud83e\\udd80 \\uffff\"\nname: a");
    let read = Playbook::parse(escaped.as_bytes()).unwrap();
    assert_eq!(read.description.as_deref(), Some("\0 🦀 \u{ffff}"));
}

/// JSON of all kinds, as text: numbers of any length, any text.
fn json() -> impl Strategy<Value = String> {
    let text = prop_oneof![any::<String>(), r"(NO|true|~|007|: |- |#|\{\{ x \}\}|[\x00-\x20]){0,4}"];
    let text = text.prop_map(|text| serde_json::to_string(&text).unwrap());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,6})?",
        text.clone(),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(text.clone(), inner, 0..6).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_the_same_value_in_json_in_yaml_and_in_what_is_stored(text in json()) {
        let value = Value::parse(&text).unwrap();
        let start = "\"format\": 1, \"name\": \"a\", \"version\": 1";
        let json = format!("{{{start}, \"variables\": {{\"v\": {text}}}, \"steps\": []}}");
        let read = Playbook::parse(json.as_bytes()).unwrap();
        prop_assert_eq!(&read.variables["v"], &value);
        let stored = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(&Playbook::parse(stored.as_bytes()).unwrap(), &read);
        // DEL and higher characters are allowed in quotes in YAML as in JSON; a long name is not allowed in flow style.
        let yaml = format!("--- {json}");
        prop_assert_eq!(&Playbook::parse(yaml.as_bytes()).unwrap(), &read);
    }

    #[test]
    fn what_looks_like_a_number_of_json_is_one_and_nothing_else_is(text in "[-+.0-9eExX_]{1,12}") {
        prop_assume!(!text.starts_with('-') || text.len() > 1);
        prop_assume!(!text.starts_with("---") && !text.starts_with("..."));
        let expected = match serde_json::from_str::<&serde_json::value::RawValue>(&text) {
            Ok(_) => Value::Number(Number::parse(&text).unwrap()),
            Err(_) => Value::String(text.clone()),
        };
        let yaml = YAML.replace("steps:", &format!("variables:\n  v: {text}\nsteps:"));
        prop_assert_eq!(&Playbook::parse(yaml.as_bytes()).unwrap().variables["v"], &expected);
    }
}
