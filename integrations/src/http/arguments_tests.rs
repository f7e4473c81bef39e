//! The allowed and the forbidden arguments of HTTP steps.

use serde_json::json;
use updraft_protocol::FailureKind;
use updraft_protocol::limits::{HTTP_HEADER_BYTES, HTTP_KEEP_HEADERS, RESPONSE_BYTES};

use super::*;
use crate::http::options::Form;

fn read(more: serde_json::Value) -> Result<Arguments, Failure> {
    let (mut arguments, more) = (Value::from(json!({"url": "https://tool.example/a"})), Value::from(more));
    if let (Value::Object(all), Value::Object(more)) = (&mut arguments, more) {
        all.extend(more);
    }
    Arguments::read(arguments)
}

#[test]
fn a_map_in_a_header_is_no_text() {
    let data = json!({"X-Trace": {"secret": "edr", "$secret": "edr"}});
    let failure = read(json!({ "headers": data })).unwrap_err();
    assert_eq!(failure.message, "arguments.headers.X-Trace: a text, a number, true or false is needed");
}

#[test]
fn a_secret_in_the_path_stays_within_its_segment() {
    let url = |path: serde_json::Value| {
        read(json!({"url": "https://tool.example/bot{token}/a/{id}?x={token}", "path": path}))
            .map(|arguments| arguments.url.to_string())
    };
    assert_eq!(
        url(json!({"token": "12:ab/../c?d#e", "id": "..."})).unwrap(),
        "https://tool.example/bot12%3Aab%2F..%2Fc%3Fd%23e/a/...?x={token}"
    );
    assert_eq!(url(json!({"id": "ä"})).unwrap(), "https://tool.example/bot%7Btoken%7D/a/%C3%A4?x={token}");
    for (path, place) in [
        (json!({"other": "x"}), "arguments.path.other: the path of `url` has no `{other}`"),
        (json!({"a b": "x"}), "arguments.path.a b: a secret under a name"),
        (json!({"token": 5}), "arguments.path.token: a secret under a name"),
    ] {
        let failure = url(path).unwrap_err();
        assert!(failure.message.starts_with(place), "{failure}");
    }
}

#[test]
fn a_secret_in_the_path_leads_to_no_other_path() {
    let url = |url: &str, secret: &str| {
        read(json!({"url": url, "path": {"id": secret, "same": secret}}))
            .map(|arguments| arguments.url.to_string())
    };
    for (written, secret) in [
        ("https://tool.example/a/{same}/{id}", ".."),
        ("https://tool.example/a/{same}/{id}", "."),
        ("https://tool.example/{same}/.{id}", "."),
        ("https://tool.example/x{same}/{id}%2e/b?c", "."),
        ("https://tool.example/{same}{id}", "."),
        ("https://tool.example/x{same}\\{id}\\b", ".."),
    ] {
        let failure = url(written, secret).unwrap_err();
        assert!(
            failure.message.starts_with("arguments.path: a secret makes `.` or `..`"),
            "{written}: {failure}"
        );
    }
    assert_eq!(url("https://tool.example/a/../b{same}/x{id}", "..").unwrap(), "https://tool.example/b../x..");
}

#[test]
fn numbers_are_sent_with_their_digits() {
    let digits = "12345678901234567890123456789.10";
    let number = Value::parse(digits).unwrap();
    let fields = |number: Value| Value::Object([("n".to_owned(), number)].into());
    let arguments = Value::Object(
        [
            ("url".to_owned(), Value::String("https://tool.example/".to_owned())),
            ("query".to_owned(), fields(number.clone())),
            ("headers".to_owned(), fields(number.clone())),
            ("json".to_owned(), fields(number)),
        ]
        .into(),
    );
    let arguments = Arguments::read(arguments).unwrap();
    assert_eq!(arguments.url.query(), Some(format!("n={digits}").as_str()));
    assert_eq!(arguments.headers[0].1, digits);
    let Payload::Json(body) = arguments.payload else { panic!("a body") };
    assert_eq!(serde_json::to_string(&body).unwrap(), format!("{{\"n\":{digits}}}"));
}

#[test]
fn what_a_request_does_is_told_by_its_method_or_declared() {
    let effect = |arguments: serde_json::Value| effect_of(&arguments.into());
    for (arguments, expected) in [
        (json!({}), Effect::Read),
        (json!({"method": "get"}), Effect::Read),
        (json!({"method": "HEAD"}), Effect::Read),
        (json!({"method": "POST"}), Effect::Write),
        (json!({"method": null, "effect": null}), Effect::Read),
        (json!({"method": "DELETE"}), Effect::Write),
        (json!({"method": "POST", "effect": "read"}), Effect::Read),
        (json!({"method": "GET", "effect": "write"}), Effect::Write),
        (json!({"method": "FLY"}), Effect::Write),
        (json!([]), Effect::Write),
    ] {
        assert_eq!(effect(arguments.clone()), expected, "{arguments}");
    }
}

#[test]
fn a_url_alone_is_a_get_that_expects_json() {
    let arguments = read(json!({})).unwrap();
    assert_eq!(arguments.method, Method::GET);
    assert_eq!(arguments.payload, Payload::None);
    assert_eq!(arguments.options.max_bytes, RESPONSE_BYTES);
    assert!(matches!(arguments.options.form, Form::Json(None)));
    assert!(arguments.options.expect.contains(204) && !arguments.options.expect.contains(303));
    assert!(arguments.options.retry_on.contains(503) && !arguments.options.retry_on.contains(501));
}

#[test]
fn a_query_is_encoded_and_joins_the_one_of_the_url() {
    let arguments = json!({
        "url": "https://tool.example/a?x=1",
        "query": {"gone": null, "list": ["u", true, null], "n": 5, "q": "a&b=c #"},
    });
    assert_eq!(
        Arguments::read(arguments.into()).unwrap().url.as_str(),
        "https://tool.example/a?x=1&list=u&list=true&n=5&q=a%26b%3Dc+%23"
    );
    assert_eq!(read(json!({"query": {}})).unwrap().url.as_str(), "https://tool.example/a");
}

#[test]
fn null_is_nothing_but_a_json_null_is_sent() {
    let names = KNOWN.iter().map(|(name, _)| *name).filter(|name| *name != "url");
    let nothing: serde_json::Value = names.map(|name| (name.to_owned(), serde_json::Value::Null)).collect();
    assert_eq!(read(nothing).unwrap().payload, Payload::Json(Value::Null));
}

#[test]
fn a_mistake_names_its_place_and_never_the_value() {
    let secret = "hunter2";
    for (arguments, place) in [
        (json!({"uri": secret}), "arguments.uri: "),
        (json!({"url": format!("ftp://tool.example/{secret}")}), "arguments.url: "),
        (json!({"url": format!("https://me:{secret}@tool.example/")}), "arguments.url: "),
        (json!({"url": format!("https://{secret}:x")}), "arguments.url: "),
        (json!({"url": [secret]}), "arguments.url: "),
        (json!({"url": format!("https://tool.example/{}", "a".repeat(HTTP_URL_BYTES))}), "arguments.url: "),
        (json!({"method": secret}), "arguments.method: "),
        (json!({"headers": [secret]}), "arguments.headers: "),
        (json!({"headers": {"X-A": [secret]}}), "arguments.headers.X-A: "),
        (json!({"headers": {"X-A": format!("{secret}\r\nX-B: 1")}}), "arguments.headers.X-A: "),
        (json!({"headers": {"X A": secret}}), "arguments.headers.X A: "),
        (json!({"headers": {"Host": secret}}), "arguments.headers.Host: "),
        (json!({"headers": {"idempotency-key": secret}}), "arguments.headers.idempotency-key: "),
        (json!({"headers": {"X-A": "1", "x-a": secret}}), "arguments.headers.x-a: "),
        (json!({"headers": {"X-A": {"secret": secret}}}), "arguments.headers.X-A: "),
        (json!({"headers": {"X-A": {"$secret": secret, "prefix": "a"}}}), "arguments.headers.X-A: "),
        (json!({"effect": secret}), "arguments.effect: "),
        (json!({"query": {"q": {"a": secret}}}), "arguments.query.q: "),
        (json!({"query": {"q": [[secret]]}}), "arguments.query.q: "),
        (json!({"query": secret}), "arguments.query: "),
        (json!({"json": secret, "form": {}}), "arguments.form: "),
        (json!({"form": [secret]}), "arguments.form: "),
        (json!({"expect": secret}), "arguments.expect: "),
        (json!({"expect": []}), "arguments.expect: "),
        (json!({"expect": [200, secret]}), "arguments.expect[1]: "),
        (json!({"retry_on": [secret]}), "arguments.retry_on[0]: "),
        (json!({"response": secret}), "arguments.response: "),
        (json!({"response": "text", "keep": "$.a"}), "arguments.keep: "),
        (json!({"require": secret}), "arguments.require: "),
        (json!({"acted": secret}), "arguments.acted: "),
        (json!({"not_acted": [secret]}), "arguments.not_acted[0]: "),
        (json!({"keep_headers": secret}), "arguments.keep_headers: "),
        (json!({"keep_headers": ["ETag", "a b"]}), "arguments.keep_headers[1]: "),
        (json!({"keep_headers": vec!["a"; HTTP_KEEP_HEADERS + 1]}), "arguments.keep_headers: "),
        (json!({"keep": 5}), "arguments.keep: "),
        (json!({"keep": "a"}), "arguments.keep: "),
        (json!({"keep": {"a": "$.a", "b": "b"}}), "arguments.keep.b: "),
        (json!({"max_bytes": 0}), "arguments.max_bytes: "),
        (json!({"max_bytes": RESPONSE_BYTES + 1}), "arguments.max_bytes: "),
        (json!({"max_bytes": -1}), "arguments.max_bytes: "),
    ] {
        let failure = read(arguments.clone()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidArguments);
        assert!(!failure.retryable());
        assert!(failure.message.starts_with(place), "{arguments}: {failure}");
        assert!(!format!("{failure:?}").contains(secret), "{failure:?}");
    }
    let read = |arguments: serde_json::Value| Arguments::read(arguments.into()).unwrap_err().message;
    assert!(read(json!([])).starts_with("arguments: "));
    assert!(read(json!({})).starts_with("arguments.url: "));
}

#[test]
fn too_many_headers_are_refused() {
    let many: serde_json::Value = (0..=HTTP_HEADERS).map(|n| (format!("X-{n}"), json!("a"))).collect();
    assert!(read(json!({"headers": many})).is_err());
    let long = "a".repeat(HTTP_HEADER_BYTES + 1);
    assert!(read(json!({"headers": {"X-A": long}})).is_err());
}

#[test]
fn headers_do_not_show_themselves() {
    let arguments = read(json!({"headers": {"Authorization": "Basic hunter2", "X-N": 5}})).unwrap();
    assert_eq!(arguments.headers.len(), 2);
    assert!(!format!("{arguments:?}").contains("hunter2"));
}

#[test]
fn a_body_is_required_of_what_reads_unless_the_step_says_otherwise() {
    for (arguments, required) in [
        (json!({}), true),
        (json!({"method": "POST"}), false),
        (json!({"method": "POST", "effect": "read"}), true),
        (json!({"effect": "write"}), false),
        (json!({"method": "POST", "require": "body"}), true),
        (json!({"require": "nothing"}), false),
    ] {
        assert_eq!(read(arguments.clone()).unwrap().options.requires_body, required, "{arguments}");
    }
    let write = read(json!({"method": "PUT"})).unwrap();
    assert!(write.options.expect.contains(303) && !write.options.expect.contains(302));
}
