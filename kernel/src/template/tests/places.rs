//! The values that are allowed in each kind of argument, and the mistakes there.

use updraft_protocol::{Argument, Effect};

use super::*;

/// Maps in maps, as an integration may declare them.
const AUTH: Argument = Argument::Map(&[
    ("basic", Argument::Map(&[("user", Argument::Text), ("password", Argument::Text)])),
    ("client_secret", Argument::Secret),
    ("scope", Argument::Option),
    ("token_url", Argument::Url),
]);

const SPEC: ActionSpec = ActionSpec {
    cache: None,
    polls: false,
    arguments: &[
        ("auth", AUTH),
        ("command", Argument::Command),
        ("form", Argument::Fields),
        ("headers", Argument::Headers),
        ("method", Argument::Option),
        ("multipart", Argument::Parts(&[("content", Argument::Text), ("filename", Argument::Option)])),
        ("query", Argument::Fields),
        ("url", Argument::Url),
    ],
    takes_secrets: true,
    schema: None,
    effect: Effect::Write,
    is_idempotent: false,
    target: None,
    also_targets: &[],
    target_kind: None,
    secrets: Vec::new(),
    timeout: None,
    says_sending: false,
    asks_for_requests: false,
    takes_permit: false,
    leads_on: None,
    example: None,
};

pub(super) fn arguments(arguments: Value) -> Result<Template, String> {
    let updraft_protocol::Value::Object(map) = arguments.into() else { panic!("a map") };
    let compiled = Template::arguments("arguments", &map, &SPEC);
    compiled.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The rendered arguments, or the failure.
pub(super) fn rendered(given: Value, input: Value) -> Result<updraft_protocol::Value, String> {
    arguments(given)?.render(&Data::new(input)).map_err(|failure| {
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::Template, false));
        failure.message
    })
}

#[track_caller]
pub(super) fn mistake(given: Value, expected: &str) {
    let found = arguments(given).expect_err(expected);
    assert!(found.starts_with(expected), "{found}");
}

#[track_caller]
pub(super) fn refused(given: Value, input: Value, expected: &str) {
    let found = rendered(given, input).expect_err(expected);
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn data_that_looks_like_a_reference_is_data_or_refused_and_never_a_reference() {
    let look = json!({"$secret": "edr-token", "secret": "edr-token", "prefix": "p"});
    let template = arguments(json!({"json": {"a": "{{ input }}", "secret": "edr-token"}})).unwrap();
    assert!(template.secrets().is_empty());
    assert_eq!(
        template.render(&Data::new(look.clone())).unwrap(),
        json!({"json": {"a": look, "secret": "edr-token"}})
    );
    refused(
        json!({"headers": {"X": "{{ input }}"}}),
        look.clone(),
        "arguments.headers.X: a map, where one value",
    );
    refused(
        json!({"query": {"x": "{{ input }}"}}),
        look,
        "arguments.query.x: a map, where one value is needed",
    );
}

#[test]
fn how_a_call_is_made_is_written_out() {
    mistake(
        json!({"method": "{{ input.method }}"}),
        "arguments.method: it says how the call is made and is written out, without a template",
    );
    mistake(json!({"method": [200, "{{ 1 }}"]}), "arguments.method[1]: ");
    mistake(json!({"method": {"a": "{% if 1 %}x{% endif %}"}}), "arguments.method.a: ");
    assert!(arguments(json!({"method": ["GET", {"a": 1}, null]})).unwrap().is_literal());
}

#[test]
fn the_map_of_headers_query_and_form_is_the_authors() {
    for name in ["headers", "query", "form"] {
        mistake(
            json!({name: "{{ input.all }}"}),
            &format!("arguments.{name}: the map and its names are written"),
        );
        mistake(json!({name: ["a"]}), &format!("arguments.{name}: a map from names to values is needed"));
        mistake(json!({name: {"a": {"b": 1}}}), &format!("arguments.{name}.a: a text, a number, true or"));
        assert_eq!(rendered(json!({name: null}), json!({})).unwrap(), json!({name: null}));
        let given = json!({name: {"a": "{{ input.t }}", "b": "{{ input.n }}", "c": true, "d": null}});
        assert_eq!(
            rendered(given, json!({"t": "x y", "n": 1.5})).unwrap(),
            json!({name: {"a": "x y", "b": 1.5, "c": true, "d": null}})
        );
    }
    mistake(
        json!({"headers": {"A": ["a"]}}),
        "arguments.headers.A: a text, a number, true or false is needed",
    );
    mistake(
        json!({"query": {"A": ["a", ["b"]]}}),
        "arguments.query.A[1]: a text, a number, true or false is",
    );
}

#[test]
fn a_template_gives_one_value_in_a_header_query_or_form() {
    for (value, words) in
        [(json!([1, 2]), "a list"), (json!([]), "a list"), (json!({}), "a map"), (json!(null), "null")]
    {
        for name in ["headers", "query", "form"] {
            for text in ["{{ input }}", "a {{ input }}", "{% if true %}{{ input }}{% endif %}"] {
                let expected = format!("arguments.{name}.x: {words}, where one value is needed; ");
                refused(json!({name: {"x": text}}), value.clone(), &expected);
            }
        }
    }
    refused(
        json!({"query": {"ids": "{{ input }}"}}),
        json!([1]),
        "arguments.query.ids: a list, where one value is needed; write {{ … | spread }} where each of its items shall",
    );
    refused(
        json!({"query": {"ids": ["{{ input }}"]}}),
        json!([1]),
        "arguments.query.ids[0]: a list, where one",
    );
}

#[test]
fn spread_makes_each_item_of_a_list_a_value_of_its_own() {
    let given = json!({"query": {"ids": "{{ input | spread }}", "more": ["a", "{{ input|spread }}", "b"]}});
    let template = arguments(given).unwrap();
    assert_eq!(
        template.render(&Data::new(json!([1, "x"]))).unwrap(),
        json!({"query": {"ids": [1, "x"], "more": ["a", 1, "x", "b"]}})
    );
    let places: Vec<_> =
        template.structures().iter().map(|structure| (structure.place.as_str(), structure.filter)).collect();
    assert_eq!(places, [("arguments.query.ids", "spread"), ("arguments.query.more[1]", "spread")]);
    for (value, reason) in [
        (json!("text"), "`spread` needs a list"),
        (json!({"a": 1}), "`spread` needs a list"),
        (json!([[1]]), "a list, where each item is one value"),
        (json!([null]), "null, where each item is one value"),
        (json!([{"a": 1}]), "a map, where each item is one value"),
    ] {
        refused(
            json!({"form": {"x": "{{ input | spread }}"}}),
            value,
            &format!("arguments.form.x: {reason}"),
        );
    }
}

#[test]
fn what_asks_for_structure_stands_only_where_it_is_meant() {
    let url = |text: &str| json!({"url": format!("https://h/{text}")});
    for given in [
        json!({"json": "{{ input | path }}"}),
        json!({"json": "{{ input | spread }}"}),
        json!({"headers": {"A": "{{ input | spread }}"}}),
        json!({"query": {"a": "x{{ input | spread }}"}}),
        json!({"query": {"a": "{{ input | spread | first }}"}}),
        json!({"query": {"a": "{{ input | query }}"}}),
        url("{{ input | path | upper }}"),
        url("{{ 'a' ~ (input | path) }}"),
        url("{% set a = input | path %}{{ a }}"),
        url("{{ (input | path) if true else 'a' }}"),
        url("{{ [input] | map('path') | first }}"),
        url("{{ input | spread }}"),
    ] {
        assert!(arguments(given.clone()).is_err(), "{given}");
    }
    mistake(
        json!({"json": "{{ input | path }}"}),
        "arguments.json: `path` lets a value be structure: it may stand only at the end of a `{{ … }}` in the path",
    );
    refused(url("?a={{ input | path }}"), json!("a/b"), "arguments.url: `path` stands in the path of a URL");
    refused(url("{{ input | query }}"), json!("a=b"), "arguments.url: `query` stands after the `?` of a URL");
}

#[test]
fn a_header_is_one_line_that_arrives_as_it_is() {
    let header = |text: &str| json!({"headers": {"X": text}});
    for hostile in ["a\r\nX-B: 1", "a\nb", "\0", "a\tb", " a", "a ", "\u{7f}"] {
        refused(header("{{ input }}"), json!(hostile), "arguments.headers.X: a header ");
        mistake(header(hostile), "arguments.headers.X: a header ");
    }
    refused(
        header("phishing {{ input }}"),
        json!("A-1\r\nB: 2"),
        "arguments.headers.X: a header is one line",
    );
    assert_eq!(
        rendered(header("{{ input }}"), json!("ä 日本")).unwrap(),
        json!({"headers": {"X": "ä 日本"}})
    );
}

#[test]
fn a_whole_template_in_data_keeps_its_type_and_a_text_is_never_read_as_json() {
    let input = json!({"text": "{\"$secret\": \"a\"}", "list": [1, {"a": null}]});
    assert_eq!(
        rendered(
            json!({"json": {"a": "{{ input.text }}", "b": "{{ input.list }}", "c": "[{{ input.text }}]"}}),
            input
        )
        .unwrap(),
        json!({"json": {
            "a": "{\"$secret\": \"a\"}", "b": [1, {"a": null}], "c": "[{\"$secret\": \"a\"}]"
        }})
    );
}

#[test]
fn what_the_author_wrote_out_tells_what_a_call_does() {
    let template = arguments(json!({
        "method": "GET", "json": {"a": "{{ input }}", "b": 1}, "headers": {"A": {"$secret": "s"}}
    }));
    assert_eq!(
        template.unwrap().written_out(),
        json!({"method": "GET", "json": {"a": null, "b": 1}, "headers": {"A": null}})
    );
}
