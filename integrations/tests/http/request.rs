//! The request and the output of an HTTP step, against a real server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::server::{Server, TASK, call_of, failure, given, request};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use serde_json::{Value, json};
use updraft_protocol::{FailureKind, Integration, Masking};

/// Answers with the whole request.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> axum::Json<Value> {
    let headers: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    axum::Json(json!({
        "method": method.as_str(),
        "uri": uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    }))
}

fn echoing() -> Router {
    Router::new().fallback(any(echo))
}

#[tokio::test]
async fn a_request_carries_what_the_step_says_and_no_more() {
    let server = Server::start(echoing()).await;
    let http = server.http();
    let answer = request(
        &http,
        json!({
            "method": "post",
            "url": server.url("/search?limit=5"),
            "headers": {"X-Case": 42, "User-Agent": "soc"},
            "query": {"q": "a b&c", "tag": ["x", "y"]},
            "json": {"list": [1, null, "ä"]},
        }),
    );
    let answer = answer.await.unwrap();
    assert_eq!(answer["status"], 200);
    let body = &answer["body"];
    assert_eq!(body["method"], "POST");
    assert_eq!(body["uri"], "/search?limit=5&q=a+b%26c&tag=x&tag=y");
    assert_eq!(body["body"], r#"{"list":[1,null,"ä"]}"#);
    assert_eq!(
        body["headers"],
        json!({
            "accept": "application/json",
            "accept-encoding": "gzip, deflate, br, zstd",
            "content-length": "22",
            "content-type": "application/json",
            "host": server.addr.to_string(),
            "idempotency-key": TASK,
            "user-agent": "soc",
            "x-case": "42",
        })
    );
}

#[tokio::test]
async fn every_method_is_sent_and_head_has_no_body() {
    let server = Server::start(echoing()).await;
    let http = server.http();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = request(&http, json!({"method": method, "url": server.url("/")})).await.unwrap();
        assert_eq!(answer["body"]["method"], method);
        let agent = concat!("updraft/", env!("CARGO_PKG_VERSION"));
        assert_eq!(answer["body"]["headers"]["user-agent"], agent);
        // RFC 9110, 8.6: a method that usually has content announces that there is none.
        let length = matches!(method, "POST" | "PUT" | "PATCH").then_some("0");
        assert_eq!(answer["body"]["headers"]["content-length"].as_str(), length, "{method}");
    }
    let answer = request(&http, json!({"method": "HEAD", "url": server.url("/")})).await.unwrap();
    assert_eq!(answer, json!({"status": 200, "headers": {}, "body": null}));
}

#[tokio::test]
async fn a_form_is_sent_as_a_form() {
    let server = Server::start(echoing()).await;
    let arguments = json!({
        "method": "POST",
        "url": server.url("/"),
        "form": {"user": "a&b", "n": 1, "list": [true, "z"], "gone": null},
    });
    let body = request(&server.http(), arguments).await.unwrap()["body"].take();
    assert_eq!(body["headers"]["content-type"], "application/x-www-form-urlencoded");
    let mut pairs: Vec<_> = body["body"].as_str().unwrap().split('&').collect();
    pairs.sort_unstable();
    assert_eq!(pairs, ["list=true", "list=z", "n=1", "user=a%26b"]);
}

#[tokio::test]
async fn the_idempotency_key_is_the_same_in_every_attempt() {
    let server = Server::start(echoing()).await;
    let http = server.http();
    let mut keys = Vec::new();
    for attempt in 1..=2 {
        let mut call = call_of("acme", json!({"url": server.url("/")}), std::time::Duration::from_secs(60));
        call.attempt = attempt;
        let answer = http.call(call).await.unwrap().value();
        keys.push(answer["body"]["headers"]["idempotency-key"].clone());
    }
    assert_eq!(keys, [TASK, TASK]);
}

#[tokio::test]
async fn of_an_answer_is_kept_what_the_step_says() {
    let list = json!({"data": [{"id": 1}, {"id": 2}]});
    let router = Router::new()
        .route("/list", get(move || async move { axum::Json(list) }))
        .route("/text", get(|| async { "plain ä" }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/gone", get(|| async { (StatusCode::GONE, "[1]") }));
    let server = Server::start(router).await;
    let http = server.http();
    let output = |status: u16, body: Value| json!({"status": status, "headers": {}, "body": body});
    for (arguments, output) in [
        (json!({"url": server.url("/list"), "keep": "$.data[*].id"}), output(200, json!([1, 2]))),
        (json!({"url": server.url("/list"), "keep": "$.data[0]"}), output(200, json!({"id": 1}))),
        (json!({"url": server.url("/list"), "keep": "$.data[?@.id > 9]"}), output(200, json!([]))),
        (json!({"url": server.url("/list"), "response": "none"}), output(200, json!(null))),
        (json!({"url": server.url("/text"), "response": "text"}), output(200, json!("plain ä"))),
        (json!({"url": server.url("/empty")}), output(204, json!(null))),
        (json!({"url": server.url("/gone"), "expect": [200, 410]}), output(410, json!([1]))),
    ] {
        assert_eq!(request(&http, arguments).await.unwrap(), output);
    }
    let nothing = failure(&http, json!({"url": server.url("/list"), "keep": "$.none"})).await;
    assert_eq!((nothing.kind, nothing.retryable()), (FailureKind::InvalidResponse, false));
}

#[tokio::test]
async fn a_secret_is_sent_and_masked_where_the_tool_sends_it_back() {
    let check = |request: Request| async move {
        let sent = request.headers().get(header::AUTHORIZATION).cloned();
        let right = sent.as_ref().is_some_and(|value| value == "Bearer hunter2");
        let sent = String::from_utf8(sent.unwrap().as_bytes().to_vec()).unwrap();
        axum::Json(json!({"right": right, "sent": sent}))
    };
    let server = Server::start(Router::new().fallback(any(check))).await;
    let authorized = json!({"url": server.url("/"), "headers": {"Authorization": null}});
    let mut call = call_of("acme", authorized.clone(), Duration::from_secs(60));
    call.secrets = vec![given("/headers/Authorization", "Bearer ", "hunter2")];
    let answer: Value = server.http().call(call).await.unwrap().value().try_into().unwrap();
    assert_eq!(answer["body"], json!({"right": true, "sent": "Bearer ***"}));
    let mut call = call_of("acme", authorized, Duration::from_secs(60));
    call.secrets = vec![given("/headers/Authorization", "", "hunter2\n")];
    let failure = server.http().call(call).await.unwrap_err();
    assert_eq!(failure.message, "arguments.headers.Authorization: not a text that a header can carry");
}

#[tokio::test]
async fn a_secret_is_sent_wherever_its_author_put_it() {
    let server = Server::start(echoing()).await;
    for (arguments, place, uri, body) in [
        (json!({"query": {"key": null}}), "/query/key", "/p/{t}?key=p***", ""),
        (json!({"path": {"t": null}}), "/path/t", "/p/p***", ""),
        (json!({"form": {"a": ["b", null]}}), "/form/a/1", "/p/{t}", "a=b&a=p***"),
        (json!({"json": {"a": [null]}}), "/json/a/0", "/p/{t}", r#"{"a":["p***"]}"#),
        (json!({"text": null}), "/text", "/p/{t}", "p***"),
    ] {
        let mut all = json!({"method": "POST", "url": server.url("/p/{t}")});
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        let mut call = call_of("acme", all, Duration::from_secs(60));
        call.secrets = vec![given(place, "p", "hunter2&=/")];
        let answer: Value = server.http().call(call).await.unwrap().value().try_into().unwrap();
        let told = answer["body"]["uri"].as_str().unwrap().replace("%7Bt%7D", "{t}");
        assert_eq!((told.as_str(), answer["body"]["body"].as_str().unwrap()), (uri, body), "{place}");
    }
}

#[tokio::test]
async fn basic_carries_two_secrets_and_shows_neither() {
    let server = Server::start(echoing()).await;
    let arguments = json!({"url": server.url("/"), "auth": {"basic": {"user": null, "password": null}}});
    let mut call = call_of("acme", arguments, Duration::from_secs(60));
    call.secrets =
        vec![given("/auth/basic/user", "", "key-id-1"), given("/auth/basic/password", "", "hunter2:x")];
    let answer: Value = server.http().call(call).await.unwrap().value().try_into().unwrap();
    assert_eq!(answer["body"]["headers"]["authorization"], "Basic ***");
}

#[tokio::test]
async fn a_short_password_is_masked_in_later_answers_as_basic_sends_it() {
    let server = Server::start(echoing()).await;
    let arguments = json!({"url": server.url("/"), "auth": {"basic": {"user": "svc", "password": null}}});
    let mut call = call_of("acme", arguments, Duration::from_secs(60));
    call.secrets = vec![given("/auth/basic/password", "", "1234")];
    let hidden = Arc::new(Mutex::new(Vec::new()));
    let told = hidden.clone();
    call.masking = Masking::new(move |secret| told.lock().unwrap().push(secret.expose().to_owned()));
    server.http().call(call).await.unwrap();
    assert_eq!(*hidden.lock().unwrap(), ["c3ZjOjEyMzQ="]);
}

#[tokio::test]
async fn bodies_of_every_kind_arrive_as_they_are() {
    let server = Server::start(echoing()).await;
    for (body, content_type, sent) in [
        (json!({"text": "<a>ä</a>"}), "text/plain; charset=utf-8", "<a>ä</a>"),
        (json!({"text": "<a/>", "headers": {"Content-Type": "application/xml"}}), "application/xml", "<a/>"),
        (json!({"bytes": "AGFi"}), "application/octet-stream", "\u{0}ab"),
        (json!({"text": ""}), "text/plain; charset=utf-8", ""),
        (json!({"bytes": ""}), "application/octet-stream", ""),
        (json!({"form": {"a": null}}), "application/x-www-form-urlencoded", ""),
    ] {
        let mut all = json!({"method": "POST", "url": server.url("/")});
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let answer = request(&server.http(), all).await.unwrap();
        assert_eq!(answer["body"]["headers"]["content-type"], content_type);
        assert_eq!(answer["body"]["headers"]["content-length"], sent.len().to_string());
        assert_eq!(answer["body"]["body"], sent);
    }
    let parts = json!({"file": {"content": "x", "filename": "a.txt"}, "note": "n"});
    let all = json!({"method": "POST", "url": server.url("/"), "multipart": parts});
    let answer = request(&server.http(), all).await.unwrap();
    let told = answer["body"]["headers"]["content-type"].as_str().unwrap().to_owned();
    let boundary = told.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = answer["body"]["body"].as_str().unwrap();
    assert!(
        body.starts_with(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename="
        ))
    );
}

#[tokio::test]
async fn headers_of_the_author_are_sent_in_place_of_our_own_and_not_beside_them() {
    let lines = |headers: HeaderMap| async move {
        let sent = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        axum::Json(sent.collect::<Vec<_>>())
    };
    let server = Server::start(Router::new().fallback(any(lines))).await;
    let own = json!({"Content-Type": "application/scim+json", "accept": "application/scim+json"});
    let all = json!({"method": "POST", "url": server.url("/"), "json": {}, "headers": own});
    let answer = request(&server.http(), all).await.unwrap();
    let sent: Vec<&str> =
        answer["body"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    for name in ["content-type: ", "accept: "] {
        let lines: Vec<_> = sent.iter().filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(lines, ["application/scim+json"], "{name}");
    }
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let router = Router::new().fallback(any(|headers: HeaderMap| async move {
        let sent = headers.contains_key(header::COOKIE);
        ([(header::SET_COOKIE, "session=1; Path=/")], axum::Json(json!({"cookie": sent}))).into_response()
    }));
    let server = Server::start(router).await;
    let http = server.http();
    for _ in 0..2 {
        let answer = request(&http, json!({"url": server.url("/")})).await.unwrap();
        assert_eq!(answer["body"], json!({"cookie": false}));
    }
}

#[tokio::test]
async fn whatever_the_values_are_the_request_has_the_structure_of_the_step() {
    let server = Server::start(echoing()).await;
    let http = server.http();
    let hostile = [
        "",
        "a&b=c",
        "a=b&c",
        "#",
        "?x=1",
        "a b+c",
        "%41%00",
        "\u{0}\r\n\t",
        "ä 日本 😀",
        "../..",
        "a;b",
        "[]",
        "{\"a\":1}",
        "\"\\",
        "/",
        "\\",
        "%",
        "&",
        "=",
    ];
    for value in hostile {
        let arguments = json!({
            "method": "POST",
            "url": server.url("/a?x=1"),
            "query": {"q": value, "list": [value, value]},
            "form": {"f": value, "list": [value, "z"]},
        });
        let body = request(&http, arguments).await.unwrap()["body"].take();
        let uri = url::Url::parse(&format!("http://h{}", body["uri"].as_str().unwrap())).unwrap();
        assert_eq!(uri.path(), "/a");
        let pairs: Vec<_> =
            uri.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs, [pair("x", "1"), pair("list", value), pair("list", value), pair("q", value)]);
        let form = url::Url::parse(&format!("http://h/?{}", body["body"].as_str().unwrap())).unwrap();
        let pairs: Vec<_> =
            form.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        assert_eq!(pairs, [pair("f", value), pair("list", value), pair("list", "z")]);
        let sent = json!({"method": "POST", "url": server.url("/"), "json": {"a": value}});
        let body = request(&http, sent).await.unwrap()["body"].take();
        let json: Value = serde_json::from_str(body["body"].as_str().unwrap()).unwrap();
        assert_eq!(json, json!({ "a": value }));
    }
}

#[tokio::test]
async fn a_header_is_one_line_in_utf_8() {
    let server = Server::start(echoing()).await;
    let http = server.http();
    let header = |text: &str| json!({"url": server.url("/"), "headers": {"X-Case": text}});
    for text in ["", "a b", "ä 日本 😀", "\"\\;,", "Basic a: b"] {
        let answer = request(&http, header(text)).await.unwrap();
        assert_eq!(answer["body"]["headers"]["x-case"], text);
    }
    for text in ["a\r\nX-B: 1", "a\nb", "\u{0}", "a\tb", "\u{7f}", "\u{85}"] {
        let failure = failure(&http, header(text)).await;
        assert_eq!(failure.message, "arguments.headers.X-Case: not a text that a header can carry");
    }
}
