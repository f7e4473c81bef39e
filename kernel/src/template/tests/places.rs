//! What may stand in each kind of argument, and what is a mistake there.

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
    arguments: &[
        ("auth", AUTH),
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
    says_sending: false,
};

pub(super) fn arguments(arguments: Value) -> Result<Template, String> {
    let updraft_protocol::Value::Object(map) = arguments.into() else { panic!("a map") };
    let compiled = Template::arguments("arguments", &map, &SPEC);
    compiled.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The rendered arguments, or why there are none.
pub(super) fn rendered(given: Value, input: Value) -> Result<updraft_protocol::Value, String> {
    arguments(given)?.render(&Data::new(input)).map_err(|failure| {
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::Template, false));
        failure.message
    })
}

#[track_caller]
fn mistake(given: Value, expected: &str) {
    let found = arguments(given).expect_err(expected);
    assert!(found.starts_with(expected), "{found}");
}

#[track_caller]
fn refused(given: Value, input: Value, expected: &str) {
    let found = rendered(given, input).expect_err(expected);
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn a_reference_to_a_secret_is_taken_out_of_the_arguments_and_handed_over_with_its_place() {
    let template = arguments(json!({
        "url": "https://tool.example/{{ input.id }}",
        "headers": {
            "Authorization": {"$secret": "edr-token", "prefix": "Bearer "},
            "X-A/b~c": {"$secret": "second"},
            "X-Trace": "{{ input.trace }}",
        },
    }))
    .unwrap();
    let found: Vec<_> = template
        .secrets()
        .iter()
        .map(|secret| (secret.place.as_str(), secret.name.as_str(), secret.prefix.as_str()))
        .collect();
    assert_eq!(
        found,
        [("/headers/Authorization", "edr-token", "Bearer "), ("/headers/X-A~1b~0c", "second", "")]
    );
    let rendered = template.render(&Data::new(json!({"id": 7, "trace": "t"}))).unwrap();
    assert_eq!(
        rendered,
        json!({
            "url": "https://tool.example/7",
            "headers": {"Authorization": null, "X-A/b~c": null, "X-Trace": "t"},
        })
    );
}

#[test]
fn a_reference_may_be_any_value_of_the_arguments_and_stands_in_none_of_them() {
    let secret = |name: &str| json!({"$secret": name});
    let template = arguments(json!({
        "auth": {"basic": {"user": "bob", "password": secret("p")}, "client_secret": secret("c")},
        "form": {"a": ["b", secret("f")]},
        "json": {"client_secret": secret("j"), "list": [1, [secret("l")]]},
        "multipart": {"note": secret("m"), "file": {"content": secret("n"), "filename": "a.txt"}},
        "query": {"key": {"$secret": "q", "prefix": "k="}},
    }))
    .unwrap();
    let mut found: Vec<_> =
        template.secrets().iter().map(|secret| (secret.place.as_str(), secret.name.as_str())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/auth/basic/password", "p"),
            ("/auth/client_secret", "c"),
            ("/form/a/1", "f"),
            ("/json/client_secret", "j"),
            ("/json/list/1/0", "l"),
            ("/multipart/file/content", "n"),
            ("/multipart/note", "m"),
            ("/query/key", "q"),
        ]
    );
    assert_eq!(
        template.render(&Data::new(json!(null))).unwrap(),
        json!({
            "auth": {"basic": {"user": "bob", "password": null}, "client_secret": null},
            "form": {"a": ["b", null]},
            "json": {"client_secret": null, "list": [1, [null]]},
            "multipart": {"note": null, "file": {"content": null, "filename": "a.txt"}},
            "query": {"key": null},
        })
    );
}

#[test]
fn a_reference_where_none_is_allowed_is_a_mistake_with_its_place() {
    let reference = json!({"$secret": "edr-token"});
    for (given, expected) in [
        (json!({"query": reference}), "arguments.query: a map from names to values is needed; a secret may"),
        (
            json!({"headers": reference}),
            "arguments.headers: a map from names to values is needed; a secret may",
        ),
        (json!({"auth": reference}), "arguments.auth: a map from names to values is needed; a secret may"),
        (
            json!({"headers": {"A": [reference]}}),
            "arguments.headers.A: a text, a number, true or false is needed",
        ),
        (json!({"url": reference}), "arguments.url: no secret may stand here: a URL is a text"),
        (json!({"auth": {"token_url": reference}}), "arguments.auth.token_url: no secret may stand here"),
        (json!({"method": reference}), "arguments.method: no secret may stand here: it says how the call"),
        (json!({"auth": {"scope": [reference]}}), "arguments.auth.scope[0]: no secret may stand here"),
        (
            json!({"$secret": "a"}),
            "arguments: a map from names to values is needed; a secret may stand as one",
        ),
    ] {
        mistake(given, expected);
    }
    let output = Template::compile("output", &json!({"a": [{"$secret": "x"}]}).into()).unwrap_err();
    assert_eq!(output[0].path, "output.a[0]");
    assert!(
        output[0].message.starts_with("a secret may stand only as a value in the arguments"),
        "{}",
        output[0]
    );
    let none = Template::arguments(
        "arguments",
        &std::collections::BTreeMap::from([("key".to_owned(), json!({"$secret": "x"}).into())]),
        &ActionSpec::default(),
    );
    assert_eq!(none.unwrap_err()[0].to_string(), "arguments.key: this action takes no secrets");
}

#[test]
fn what_has_to_be_a_secret_is_no_text_and_a_map_has_its_own_names_alone() {
    mistake(
        json!({"auth": {"client_secret": "in the open"}}),
        "arguments.auth.client_secret: a secret is needed, not its text: `{$secret: NAME}`",
    );
    mistake(
        json!({"auth": {"client_secret": "{{ input.s }}"}}),
        "arguments.auth.client_secret: a secret is needed, not its text",
    );
    mistake(
        json!({"auth": {"basic": {"usr": "a"}}}),
        "arguments.auth.basic.usr: there is no such field; did you mean \"user\"?; there are user, password",
    );
    mistake(
        json!({"auth": "{{ input }}"}),
        "arguments.auth: a map is needed, with some of basic, client_secret",
    );
    mistake(
        json!({"multipart": {"file": {"content": "{{ input.a }}", "filename": "{{ input.f }}"}}}),
        "arguments.multipart.file.filename: it says how the call is made",
    );
    refused(
        json!({"auth": {"basic": {"user": "{{ input }}"}}}),
        json!({"$secret": "x"}),
        "arguments.auth.basic.user: a map, where one value is needed",
    );
}

#[test]
fn too_many_secrets_in_a_step_are_a_mistake() {
    let many: Vec<_> =
        (0..=updraft_protocol::limits::SECRETS_OF_STEP).map(|_| json!({"$secret": "x"})).collect();
    mistake(json!({"json": many}), "arguments.json[64]: at most 64 secrets are allowed in a step");
}

#[test]
fn a_reference_is_written_out_and_has_no_other_fields() {
    let header = |value: Value| json!({"headers": {"A": value}});
    mistake(
        header(json!({"$secret": "{{ input.name }}"})),
        "arguments.headers.A[\"$secret\"]: the name of a",
    );
    mistake(header(json!({"$secret": ["a"]})), "arguments.headers.A[\"$secret\"]: the name of a secret");
    mistake(header(json!({"$secret": "a b"})), "arguments.headers.A[\"$secret\"]: the name of a secret");
    mistake(
        header(json!({"$secret": "a", "prefix": "{{ input.p }} "})),
        "arguments.headers.A.prefix: a text is needed, written out",
    );
    for prefix in ["a\r\nb", "Bearer \n", "\nBearer ", "\t", "Bearer\t"] {
        mistake(header(json!({"$secret": "a", "prefix": prefix})), "arguments.headers.A.prefix: a header is");
    }
    mistake(
        header(json!({"$secret": "a", "prefix": " Bearer "})),
        "arguments.headers.A.prefix: a header keeps",
    );
    mistake(
        header(json!({"$secret": "a", "suffix": "x"})),
        "arguments.headers.A.suffix: there is no such field; there are `$secret` and `prefix`",
    );
    mistake(
        header(json!({"secret": "a"})),
        "arguments.headers.A: a text, a number, true or false is needed; a secret is written `{$secret: NAME}`",
    );
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
