//! References to secrets: their allowed places, their result, and the mistakes.

use super::places::{arguments, mistake, refused};
use super::*;

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
fn a_map_that_looks_like_a_reference_is_data_and_its_place_is_known() {
    let template = arguments(json!({
        "json": {"a": [{"secret": "edr"}], "b": {"secret": "edr", "prefix": "Bearer "}, "c": {"secret": "edr", "id": 1},
            "d": {"secret": "{{ input.s }}"}, "e": {"secret": "a b"}, "f": {"$secret": "edr"}},
    }))
    .unwrap();
    assert_eq!(template.lookalikes(), ["arguments.json.a[0]", "arguments.json.b"]);
    let rendered = template.render(&Data::new(json!({"s": "x"}))).unwrap();
    assert_eq!(rendered["json"]["a"], json!([{"secret": "edr"}]));
    let alert = Template::compile("output", &json!({"secret": "edr"}).into()).unwrap();
    assert!(alert.lookalikes().is_empty());
    let none = std::collections::BTreeMap::from([("a".to_owned(), json!({"secret": "edr"}).into())]);
    let none = Template::arguments("arguments", &none, &ActionSpec::default()).unwrap();
    assert!(none.lookalikes().is_empty(), "an action that takes no secrets");
}
