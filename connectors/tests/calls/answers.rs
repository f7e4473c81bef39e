//! What answers mean: results, failures, answers that no status of success has, and tools that misbehave.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use updraft_protocol::FailureKind;

use crate::server::{Tool, call, json as answer};

const LOOKUP: &str = r#"
connector: lookup
version: 1
base_url: BASE
actions:
  look:
    arguments: {required: [ip], properties: {ip: {type: string}}}
    request: {path: '/{{ arguments.ip }}'}
    result: {ip: "{{ arguments.ip }}", score: "{{ body.data.score }}", found: "{{ true }}"}
    failures:
      - {status: 404, when: "body.code == 'gone'", is: not_found, message: "{{ body.why }}"}
      - {status: 404, result: {found: "{{ false }}"}}
      - {status: [401, 403], is: denied}
      - {status: "400", is: invalid, message: "{{ body.why }}"}
      - {when: body.error == 'busy', is: retry}
      - {status: 420, is: rate_limited}
  block:
    arguments: {required: [ip], properties: {ip: {type: string}}}
    request: {method: POST, path: /block, json: {ip: "{{ arguments.ip }}"}}
    result: {id: "{{ body.id }}"}
    failures:
      - {when: body.error == 'busy', is: retry, acted: false}
      - {when: body.error == 'late', is: failed}
"#;

/// A tool that answers every request like this, and what a call comes to.
async fn came_to(action: &str, status: u16, body: Value) -> Result<Value, (FailureKind, bool, bool, String)> {
    let tool = Tool::start(move |_, _| answer(status, body.clone())).await;
    let lookup = tool.connector(LOOKUP);
    let came = call(&lookup, action, json!({"ip": "192.0.2.1"})).await;
    came.map_err(|failure| {
        (failure.kind, failure.retryable(), failure.may_have_acted(), failure.message.clone())
    })
}

#[tokio::test]
async fn a_result_is_made_of_the_answer() {
    let output = came_to("look", 200, json!({"data": {"score": 7.5}})).await;
    assert_eq!(output.unwrap(), json!({"ip": "192.0.2.1", "score": 7.5, "found": true}));
}

#[tokio::test]
async fn what_is_not_found_is_an_answer_where_the_file_says_so() {
    assert_eq!(came_to("look", 404, json!({})).await.unwrap(), json!({"found": false}));
    let gone = came_to("look", 404, json!({"code": "gone", "why": "deleted"})).await.unwrap_err();
    assert_eq!(gone, (FailureKind::Status, false, false, "not found: deleted".to_owned()));
}

#[tokio::test]
async fn statuses_and_bodies_mean_what_the_rules_say() {
    for (status, body, kind, retryable) in [
        (401, json!({}), FailureKind::Forbidden, false),
        (400, json!({"why": "no ip"}), FailureKind::InvalidArguments, false),
        (200, json!({"error": "busy"}), FailureKind::Status, true),
        (420, json!({}), FailureKind::RateLimited, true),
        // No rule: as the HTTP integration judges it.
        (500, json!({}), FailureKind::Status, true),
        (409, json!({}), FailureKind::Status, false),
        (429, json!({}), FailureKind::RateLimited, true),
    ] {
        let (got, again, ..) = came_to("look", status, body).await.unwrap_err();
        assert_eq!((got, again), (kind, retryable), "{status}");
    }
}

#[tokio::test]
async fn a_read_whose_result_cannot_be_made_fails_and_a_write_that_was_done_is_done() {
    let (kind, _, _, message) = came_to("look", 200, json!({"data": {}})).await.unwrap_err();
    assert_eq!(kind, FailureKind::InvalidResponse);
    assert!(message.contains("actions.look.result.score"), "{message}");
    let done = came_to("block", 200, json!({"job": 1})).await.unwrap();
    assert_eq!(done["id"], Value::Null);
    assert!(done["note"].as_str().unwrap().contains("actions.block.result.id"), "{done}");
    assert_eq!(came_to("block", 200, json!({"id": 9})).await.unwrap(), json!({"id": 9}));
}

#[tokio::test]
async fn a_failure_of_a_write_says_whether_the_tool_may_have_acted() {
    let (_, retryable, acted, _) = came_to("block", 200, json!({"error": "busy"})).await.unwrap_err();
    assert_eq!((retryable, acted), (true, false));
    let (_, retryable, acted, _) = came_to("block", 200, json!({"error": "late"})).await.unwrap_err();
    assert_eq!((retryable, acted), (false, true));
    let (_, _, acted, _) = came_to("block", 502, json!({})).await.unwrap_err();
    assert!(acted);
}

#[tokio::test]
async fn what_is_no_json_fails_a_read_and_is_noted_of_a_write() {
    let tool = Tool::start(|_, _| (StatusCode::OK, "<html>").into_response()).await;
    let lookup = tool.connector(LOOKUP);
    let failure = call(&lookup, "look", json!({"ip": "192.0.2.1"})).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidResponse);
    let done = call(&lookup, "block", json!({"ip": "192.0.2.1"})).await.unwrap();
    assert!(done["note"].as_str().unwrap().contains("JSON"), "{done}");
}

#[tokio::test]
async fn an_answer_that_is_deep_or_large_breaks_nothing() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let tool = Tool::start(move |_, _| (StatusCode::OK, deep.clone()).into_response()).await;
    let lookup = tool.connector(LOOKUP);
    assert!(call(&lookup, "look", json!({"ip": "192.0.2.1"})).await.is_err());
    let large = json!({"data": {"score": "x".repeat(3 << 20)}});
    let (kind, ..) = came_to("look", 200, large).await.unwrap_err();
    assert_eq!(kind, FailureKind::TooLarge);
}
