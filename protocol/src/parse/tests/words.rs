//! Messages: an author gets the same ones in JSON and YAML.

use super::*;

/// The message for both notations of one playbook, without the place.
fn said(find: &str, yaml: &str, json: &str) -> (String, String) {
    let message = |text: String| {
        let Err(Error::Shape { place, message, .. }) = Playbook::parse(text.as_bytes()) else {
            panic!("{text}")
        };
        assert!(place.line > 0 && place.column > 0);
        (place.path, message)
    };
    let whole = serde_json::to_string(&Playbook::parse(YAML.as_bytes()).unwrap()).unwrap();
    let (yaml_find, json_find) = find.split_once('|').unwrap();
    assert!(YAML.contains(yaml_find) && whole.contains(json_find), "{whole}");
    let yaml = message(YAML.replacen(yaml_find, yaml, 1));
    assert_eq!(yaml, message(whole.replacen(json_find, json, 1)));
    yaml
}

/// Cases: the text that is replaced, its replacement in YAML and in JSON, and the path and message of the mistake.
fn all_said(cases: &[(&str, &str, &str, &str, &str)]) {
    for (find, yaml, json, path, message) in cases {
        let (found, words) = said(find, yaml, json);
        assert_eq!(found, *path, "{words}");
        assert_eq!(words, *message);
    }
}

#[test]
fn a_mistake_in_a_field_of_the_playbook_has_its_path_and_an_authors_words() {
    let name = "name: a|\"name\":\"a\"";
    let version = "version: 1|\"version\":1";
    all_said(&[
        (
            name,
            "name: 7",
            "\"name\":7",
            "name",
            "a text is needed; here stands the number 7; as a text it needs quotes: `\"7\"`",
        ),
        (
            name,
            "name: true",
            "\"name\":true",
            "name",
            "a text is needed; here stands `true`; as a text it needs quotes: `\"true\"`",
        ),
        (name, "name: null", "\"name\":null", "name", "a text is needed; here stands null"),
        (name, "name: [a]", "\"name\":[\"a\"]", "name", "a text is needed; here stands a list"),
        (name, "nam: a", "\"nam\":\"a\"", "nam", "there is no such field; did you mean \"name\"?"),
        (
            name,
            "name: a\non_last_failure: pasue",
            "\"name\":\"a\",\"on_last_failure\":\"pasue\"",
            "on_last_failure",
            "`pasue` is not known here; there are fail, pause",
        ),
        (
            name,
            "description: 1e999",
            "\"description\":1e999",
            "description",
            "a text is needed; here stands a number of more digits; as a text it needs quotes: `\"1e999\"`",
        ),
        (
            version,
            "version: 1.0",
            "\"version\":1.0",
            "version",
            "a whole number from 1 to 4294967295 is needed; here stands the number 1.0",
        ),
        (
            version,
            "version: -1",
            "\"version\":-1",
            "version",
            "a whole number from 1 to 4294967295 is needed; here stands the number -1",
        ),
        (
            version,
            "version: 4294967296",
            "\"version\":4294967296",
            "version",
            "a whole number from 1 to 4294967295 is needed; here stands the number 4294967296",
        ),
        (
            version,
            "version: \"1\"",
            "\"version\":\"1\"",
            "version",
            "a whole number from 1 to 4294967295 is needed; here stands the text `1`",
        ),
        (version, "category_id: a", "\"category_id\":\"a\"", "", "the field `version` is missing"),
    ]);
}

#[test]
fn a_mistake_in_a_field_of_a_step_has_its_path_and_an_authors_words() {
    let timeout = "timeout: 5s|\"timeout\":\"5s\"";
    all_said(&[
        (
            timeout,
            "timeout: 5",
            "\"timeout\":5",
            "steps[0].timeout",
            "a duration such as `500ms`, `30s` or `2h 30m` is needed; here stands the number 5; its unit is missing: `5s`",
        ),
        (
            timeout,
            "timeout: true",
            "\"timeout\":true",
            "steps[0].timeout",
            "a duration such as `500ms`, `30s` or `2h 30m` is needed; here stands `true`",
        ),
        (
            timeout,
            "timeout: 1.5",
            "\"timeout\":1.5",
            "steps[0].timeout",
            "a duration such as `500ms`, `30s` or `2h 30m` is needed; here stands the number 1.5",
        ),
        (
            timeout,
            "if: 7",
            "\"if\":7",
            "steps[0].if",
            "an expression such as `input.score > 80` is needed; here stands the number 7",
        ),
        (timeout, "retry: 5", "\"retry\":5", "steps[0].retry", "a map is needed; here stands the number 5"),
        (
            timeout,
            "retry: {multiplier: two}",
            "\"retry\":{\"multiplier\":\"two\"}",
            "steps[0].retry.multiplier",
            "a number is needed; here stands the text `two`",
        ),
        (
            timeout,
            "at_most_once: yes",
            "\"at_most_once\":\"yes\"",
            "steps[0].at_most_once",
            "`true` or `false` is needed; here stands the text `yes`",
        ),
        (
            timeout,
            "at_most_once: null",
            "\"at_most_once\":null",
            "steps[0].at_most_once",
            "`true` or `false` is needed; here stands null",
        ),
    ]);
}

#[test]
fn a_mistake_in_a_body_or_a_handler_has_its_path_and_an_authors_words() {
    let timeout = "timeout: 5s|\"timeout\":\"5s\"";
    all_said(&[
        (
            timeout,
            "parallel: some",
            "\"parallel\":\"some\"",
            "steps[0].parallel",
            "`all`, `any` or `{at_least: N}` is needed; here stands the text `some`",
        ),
        (
            timeout,
            "parallel: 1",
            "\"parallel\":1",
            "steps[0].parallel",
            "`all`, `any` or `{at_least: N}` is needed; here stands the number 1",
        ),
        (
            timeout,
            "then: a",
            "\"then\":\"a\"",
            "steps[0].then",
            "a list of steps, or `{do: […], catch: […], finally: […]}`, is needed; here stands the text `a`",
        ),
        (
            timeout,
            "on_failure: 7",
            "\"on_failure\":7",
            "steps[0].on_failure",
            "the id of a step, a list of steps, or `continue` is needed; here stands the number 7",
        ),
        (
            timeout,
            "on_failure: [{delay: 5}]",
            "\"on_failure\":[{\"delay\":5}]",
            "steps[0].on_failure[0].delay",
            "a duration such as `500ms`, `30s` or `2h 30m` is needed; here stands the number 5; its unit is missing: `5s`",
        ),
        (
            timeout,
            "delay: 5s",
            "\"delay\":\"5s\"",
            "steps[0]",
            "step \"one\": a step is either `action` or `delay`",
        ),
        (
            timeout,
            "branches: {a: []}",
            "\"branches\":{\"a\":[]}",
            "steps[0]",
            "step \"one\": a step is either `action` or `branches`",
        ),
        (
            timeout,
            "arguments: [1]",
            "\"arguments\":[1]",
            "steps[0].arguments",
            "a map is needed; here stands a list",
        ),
    ]);
}

#[test]
fn a_word_a_list_and_a_template_that_cannot_stand_there_are_told_with_what_can() {
    let timeout = "timeout: 5s|\"timeout\":\"5s\"";
    all_said(&[
        (
            timeout,
            "undo: {action: a, on: []}",
            "\"undo\":{\"action\":\"a\",\"on\":[]}",
            "steps[0].undo.on",
            "an empty list; where `on` is left out, the usual ends count",
        ),
        (
            timeout,
            "undo: {action: a, on: failre}",
            "\"undo\":{\"action\":\"a\",\"on\":\"failre\"}",
            "steps[0].undo.on",
            "`failre` is not known here; there are failure, cancel, asked",
        ),
        (
            timeout,
            "timeout: '{{ input.x }}'",
            "\"timeout\":\"{{ input.x }}\"",
            "steps[0].timeout",
            "a template cannot stand here: a duration such as `500ms`, `30s` or `2h 30m` is written out",
        ),
    ]);
}

#[test]
fn a_field_that_stands_twice_is_refused_in_either_notation() {
    let json = "{\"format\": 1,\n \"variables\": {\"a\": {\"b c\": 1,\n \"b c\": 2}}}";
    for text in [json.to_owned(), format!("---\n{json}")] {
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        let line = 3 + u64::from(text.starts_with('-'));
        let first = line - 1;
        let expected = format!(
            "line {line}, column 2, variables.a[\"b c\"]: stands here a second time; the first is at line {first}, column 22"
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn what_is_not_yaml_is_told_without_the_parsers_words() {
    for (text, message) in [
        ("name: [a", "a `[` is not closed"),
        ("name:\n\t- a", "a tab stands where blanks are needed"),
        ("name: *nobody", "the alias names an anchor that does not stand before it"),
        ("name: &a [*a]", "the alias stands inside what it stands for"),
        ("name: a: b", "a `:` stands where no field can begin"),
        ("name: \"a", "a quote is not closed"),
        ("{\"name\": a}", "not JSON: `a` is no value of JSON; a text needs double quotes: `\"a\"`"),
        ("{\"name\": \"a", "line 1, column 10, name: not JSON: a quote is not closed"),
        ("{\"name\": {{ input.x }}}", "line 1, column 10, name: not JSON: a template needs quotes"),
        ("{name: a", "a `{` is not closed"),
    ] {
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line ") && error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_flow_map_of_yaml_is_no_json() {
    let text = "{format: 1, name: a, version: 1, steps: [{id: b, end: null}]}";
    assert_eq!(Playbook::parse(text.as_bytes()).unwrap().steps.len(), 1);
}

#[test]
fn nesting_is_bounded_in_both_notations_and_through_aliases() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for start in ["", "---\n"] {
        for levels in [150, 100_000] {
            let text = format!("{start}{{\"variables\": {}}}", nested(levels));
            let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("nested more than 127 deep"), "{error}");
        }
    }
    let aliases =
        format!("variables: {{a: &a {}, b: &b {}*a{}}}", nested(90), "[".repeat(90), "]".repeat(90));
    let error = Playbook::parse(aliases.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("variables.b[0]") && error.contains("nested more than 127 deep"), "{error}");
}

/// The message for a variable without quotes of its own, with the column of its line.
fn said_of(value: &str) -> String {
    let text = YAML.replace("name: a", &format!("variables:\n  v: {value}\nname: a"));
    let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
    error.strip_prefix("line 3, ").unwrap_or(&error).to_owned()
}

#[test]
fn a_template_without_quotes_is_told_as_what_it_is() {
    let template = "a template needs quotes around the whole text: `\"{{ … }}\"`";
    for (value, column, path) in [
        ("{{ input.x }}", 6, "v"),
        ("{{input.x}}", 6, "v"),
        ("{{ input.list | join(', ') }}", 6, "v"),
        ("{{ input.x }}/b", 6, "v"),
        ("{{ input.x", 6, "v"),
        ("{% if input.x %}a{% endif %}", 6, "v"),
        ("[{{ input.x }}]", 7, "v[0]"),
        ("{a: {{ input.x }}}", 10, "v.a"),
        ("{url: http://x/{{ input.x }}}", 21, "v"),
    ] {
        assert_eq!(said_of(value), format!("column {column}, variables.{path}: {template}"), "{value}");
    }
    assert!(!said_of("[a b: c: {d}] # {{ input.x }}").contains("template"));
    let plain = YAML.replace("name: a", "description: a {{ input.x }}\nname: a");
    assert!(Playbook::parse(plain.as_bytes()).is_ok());
    let after = plain.replace("name: a", "name: a: b");
    let error = Playbook::parse(after.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("a `:` stands where no field can begin"), "{error}");
}

#[test]
fn what_a_text_may_not_be_without_quotes_is_told_with_what_to_write() {
    for (value, message) in [
        ("- a", "column 6, variables.v: an item, `- `, stands where no list can begin"),
        (
            "\"C:\\Users\"",
            "column 6, variables.v: in double quotes `\\` begins an escape; write `\\\\`, or put",
        ),
        ("\"C:\\x\"", "column 6, variables.v: in double quotes `\\` begins an escape"),
        ("\"C:\\dir\"", "column 6, variables.v: in double quotes `\\` begins an escape"),
        (
            "'a' in input.l",
            "column 10, variables.v: more follows the closing quote; put the whole text in double quotes",
        ),
        (
            "\"a\" in input.l",
            "column 10, variables.v: more follows the closing quote; put the whole text in single quotes",
        ),
        ("\"a", "column 6, variables.v: a quote is not closed"),
        ("[b, 'a]", "column 10, variables.v[1]: a quote is not closed"),
        ("> 80", "column 6, variables.v: after `|` or `>` a text begins on the next line"),
        ("@a", "column 6, variables.v: a text that begins with `@` needs quotes"),
        ("`a`", "column 6, variables.v: a text that begins with a backtick needs quotes"),
        ("*.exe", "column 6, variables.v: the alias names an anchor that does not stand before it"),
        ("]", "column 6, variables.v: a `]` or `}` closes nothing"),
        ("[a}", "column 6, variables.v[0]: a `[` is closed by `}`"),
        ("{a: b c: d}", "column 13, variables.v: a `,` or `}` is needed here"),
        ("[- a]", "column 7, variables.v[0]: between `[` and `]`, items are parted by `,`"),
    ] {
        let said = said_of(value);
        assert!(said.starts_with(message), "{value}: {said}");
    }
}
