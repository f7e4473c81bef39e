//! What HTTP steps may and may not ask for.

use serde_json::json;

use super::*;

fn read(more: Value) -> Result<Arguments, Failure> {
    let mut arguments = json!({"url": "https://tool.example/a"});
    if let (Value::Object(all), Value::Object(more)) = (&mut arguments, more) {
        all.extend(more);
    }
    Arguments::read(arguments)
}

#[test]
fn a_url_alone_is_a_get_that_expects_json() {
    let arguments = read(json!({})).unwrap();
    assert_eq!(arguments.method, Method::GET);
    assert_eq!(arguments.body, Body::None);
    assert_eq!(arguments.max_bytes, RESPONSE_BYTES);
    assert!(matches!(arguments.response, Form::Json(None)));
    assert!(arguments.expect.contains(204) && !arguments.expect.contains(302));
    assert!(arguments.retry_on.contains(503) && !arguments.retry_on.contains(501));
}

#[test]
fn a_query_is_encoded_and_joins_the_one_of_the_url() {
    let arguments = Arguments::read(json!({
        "url": "https://tool.example/a?x=1",
        "query": {"gone": null, "list": ["u", true, null], "n": 5, "q": "a&b=c #"},
    }));
    assert_eq!(
        arguments.unwrap().url.as_str(),
        "https://tool.example/a?x=1&list=u&list=true&n=5&q=a%26b%3Dc+%23"
    );
    assert_eq!(read(json!({"query": {}})).unwrap().url.as_str(), "https://tool.example/a");
}

#[test]
fn null_is_nothing_but_a_json_null_is_sent() {
    let nothing: Value =
        KNOWN.iter().filter(|n| **n != "url").map(|n| (n.to_string(), Value::Null)).collect();
    assert_eq!(read(nothing).unwrap().body, Body::Json(Value::Null));
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
        (json!({"headers": {"X-A": {"secret": ["a"]}}}), "arguments.headers.X-A.secret: "),
        (json!({"headers": {"X-A": {"secret": "a b"}}}), "arguments.headers.X-A.secret: "),
        (json!({"headers": {"X-A": {"secret": "A", "prefix": [secret]}}}), "arguments.headers.X-A.prefix: "),
        (json!({"headers": {"X-A": {"secret": "A", "suffix": secret}}}), "arguments.headers.X-A.suffix: "),
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
        (json!({"keep": 5}), "arguments.keep: "),
        (json!({"keep": "a"}), "arguments.keep: "),
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
    assert!(Arguments::read(json!([])).unwrap_err().message.starts_with("arguments: "));
    assert!(Arguments::read(json!({})).unwrap_err().message.starts_with("arguments.url: "));
}

#[test]
fn too_many_headers_are_refused() {
    let many: Value = (0..=HTTP_HEADERS).map(|n| (format!("X-{n}"), json!("a"))).collect();
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
