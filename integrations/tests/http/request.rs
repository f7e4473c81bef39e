//! What an HTTP step sends and what it gives, against a real server.

use std::collections::BTreeMap;

use crate::server::{Server, TASK, call_of, failure, request};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use serde_json::{Value, json};
use updraft_integrations::secret::{Error as SecretError, Found};
use updraft_integrations::{HttpIntegration, Secret, SecretMap, SecretSource};
use updraft_protocol::{FailureKind, Integration, Name, TenantCode};

/// Answers with all that it was sent.
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
    }
    let answer = request(&http, json!({"method": "HEAD", "url": server.url("/")})).await.unwrap();
    assert_eq!(answer, json!({"status": 200, "body": null}));
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
    for (more, output) in [
        (json!({"url": server.url("/list"), "keep": "$.data[*].id"}), json!({"status": 200, "body": [1, 2]})),
        (json!({"url": server.url("/list"), "keep": "$.data[0]"}), json!({"status": 200, "body": {"id": 1}})),
        (json!({"url": server.url("/list"), "response": "none"}), json!({"status": 200, "body": null})),
        (json!({"url": server.url("/text"), "response": "text"}), json!({"status": 200, "body": "plain ä"})),
        (json!({"url": server.url("/empty")}), json!({"status": 204, "body": null})),
        (json!({"url": server.url("/gone"), "expect": [200, 410]}), json!({"status": 410, "body": [1]})),
    ] {
        assert_eq!(request(&http, more).await.unwrap(), output);
    }
    let nothing = failure(&http, json!({"url": server.url("/list"), "keep": "$.none"})).await;
    assert_eq!((nothing.kind, nothing.retryable()), (FailureKind::InvalidResponse, false));
}

fn with_secrets(server: &Server, secrets: impl SecretSource) -> HttpIntegration {
    HttpIntegration::builder().allow(server.allow()).secrets(secrets).build().unwrap()
}

fn authorized(server: &Server) -> Value {
    json!({
        "url": server.url("/"),
        "headers": {"Authorization": {"secret": "SIEM_TOKEN", "prefix": "Bearer "}},
    })
}

#[tokio::test]
async fn a_secret_is_sent_and_redacted_where_the_tool_sends_it_back() {
    let check = |request: Request| async move {
        let sent = request.headers().get(header::AUTHORIZATION).cloned();
        let right = sent.as_ref().is_some_and(|value| value == "Bearer hunter2");
        let sent = String::from_utf8(sent.unwrap().as_bytes().to_vec()).unwrap();
        axum::Json(json!({"right": right, "sent": sent}))
    };
    let server = Server::start(Router::new().fallback(any(check))).await;
    let secrets = SecretMap::default()
        .with("acme".parse().unwrap(), "SIEM_TOKEN".parse().unwrap(), Secret::new("hunter2"))
        .with("other".parse().unwrap(), "SIEM_TOKEN".parse().unwrap(), Secret::new("other"));
    let http = with_secrets(&server, secrets);
    let answer = request(&http, authorized(&server)).await.unwrap();
    assert_eq!(answer["body"], json!({"right": true, "sent": "Bearer ***"}));
}

#[tokio::test]
async fn another_tenants_secret_is_no_secret_of_ones_own() {
    let server = Server::start(echoing()).await;
    let others = SecretMap::default().with(
        "other".parse().unwrap(),
        "SIEM_TOKEN".parse().unwrap(),
        Secret::new("hunter2"),
    );
    let failure = failure(&with_secrets(&server, others), authorized(&server)).await;
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::InvalidArguments, false));
    assert_eq!(
        failure.message,
        "arguments.headers.authorization: secret `SIEM_TOKEN`: the tenant has no such secret"
    );
}

#[tokio::test]
async fn a_secret_that_no_header_can_carry_is_named_and_not_shown() {
    let server = Server::start(echoing()).await;
    let broken = SecretMap::default().with(
        "acme".parse().unwrap(),
        "SIEM_TOKEN".parse().unwrap(),
        Secret::new("hunter2\n"),
    );
    let failure = failure(&with_secrets(&server, broken), authorized(&server)).await;
    assert_eq!(failure.kind, FailureKind::InvalidArguments);
    assert!(failure.message.contains("`SIEM_TOKEN`"), "{failure}");
    assert!(!format!("{failure:?} {failure}").contains("hunter2"), "{failure:?}");
}

struct Sealed;

impl SecretSource for Sealed {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(std::future::ready(Err(SecretError::Unavailable)))
    }
}

#[tokio::test]
async fn a_vault_that_does_not_answer_is_worth_another_attempt() {
    let server = Server::start(echoing()).await;
    let failure = failure(&with_secrets(&server, Sealed), authorized(&server)).await;
    assert!(failure.retryable(), "{failure}");
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
