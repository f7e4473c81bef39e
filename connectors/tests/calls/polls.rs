//! Polls: asked until it is done, never from a cache, within a deadline.

use axum::response::IntoResponse;
use serde_json::{Value, json};
use updraft_protocol::{FailureKind, Integration};

use crate::server::{Tool, call, json as answer};

fn scanner(deadline: &str) -> String {
    format!(
        "
connector: scanner
version: 1
base_url: BASE
headers: {{API-Key: {{$secret: scanner}}}}
actions:
  scan:
    arguments: {{required: [url], properties: {{url: {{type: string}}}}}}
    request: {{method: POST, path: /scan, json: {{url: '{{{{ arguments.url }}}}'}}}}
    polling:
      request: {{path: '/result/{{{{ start.body.id }}}}'}}
      pending: 404
      until: body.state == 'done'
      fails_when: body.state == 'failed'
      interval: 100ms
      deadline: {deadline}
    result: {{verdict: '{{{{ body.verdict }}}}', id: '{{{{ start.body.id }}}}'}}
"
    )
}

async fn polled(
    deadline: &str,
    states: Vec<(u16, Value)>,
) -> (Tool, Result<Value, updraft_protocol::Failure>) {
    let tool = Tool::start(move |number, _| match number.checked_sub(1) {
        None => answer(200, json!({"id": "a/b"})),
        Some(at) => {
            let (status, body) = states.get(at.min(states.len() - 1)).cloned().unwrap();
            answer(status, body)
        }
    })
    .await;
    let scanner = tool.connector(&scanner(deadline));
    let came = call(&scanner, "scan", json!({"url": "https://x.example"})).await;
    (tool, came)
}

#[tokio::test]
async fn it_is_asked_until_it_is_done() {
    let running = (200, json!({"state": "running"}));
    let done = (200, json!({"state": "done", "verdict": "bad"}));
    let (tool, came) = polled("10s", vec![(404, json!({})), running, done]).await;
    assert_eq!(came.unwrap(), json!({"verdict": "bad", "id": "a/b"}));
    let came = tool.came();
    assert_eq!(came.len(), 4);
    assert_eq!((came[1].method.as_str(), came[1].target.as_str()), ("GET", "/result/a%2Fb"));
    assert_eq!((came[1].header("cache-control"), came[1].header("api-key")), ("no-cache", "secret-scanner"));
    assert_ne!(came[1].header("idempotency-key"), came[2].header("idempotency-key"));
}

#[tokio::test]
async fn a_question_that_fails_is_asked_again_and_the_scan_is_not_begun_again() {
    let done = (200, json!({"state": "done", "verdict": "good"}));
    let (tool, came) = polled("10s", vec![(502, json!({})), (500, json!({})), done]).await;
    assert_eq!(came.unwrap()["verdict"], "good");
    assert_eq!(tool.came().iter().filter(|one| one.method == "POST").count(), 1);
    let (tool, came) = polled("10s", vec![(502, json!({}))]).await;
    let failure = came.unwrap_err();
    assert_eq!(
        (failure.kind, failure.retryable(), failure.may_have_acted()),
        (FailureKind::Status, false, true)
    );
    assert_eq!(tool.came().len(), 7, "one beginning and six questions");
}

#[tokio::test]
async fn what_has_failed_or_is_not_done_in_time_is_told() {
    let (_, came) = polled("10s", vec![(200, json!({"state": "failed"}))]).await;
    let failure = came.unwrap_err();
    assert_eq!(
        (failure.kind, failure.retryable(), failure.may_have_acted()),
        (FailureKind::Status, false, true)
    );
    let (_, came) = polled("400ms", vec![(404, json!({}))]).await;
    let failure = came.unwrap_err();
    assert_eq!(
        (failure.kind, failure.retryable(), failure.may_have_acted()),
        (FailureKind::Timeout, false, true)
    );
    let (_, came) = polled("10s", vec![(200, json!({"status": "done"}))]).await;
    assert_eq!(came.unwrap_err().kind, FailureKind::InvalidResponse);
}

#[tokio::test]
async fn a_beginning_that_fails_asks_nothing() {
    let tool = Tool::start(|_, _| axum::http::StatusCode::BAD_REQUEST.into_response()).await;
    let scanner = tool.connector(&scanner("10s"));
    let failure = call(&scanner, "scan", json!({"url": "x"})).await.unwrap_err();
    assert!(!failure.may_have_acted());
    assert_eq!(tool.came().len(), 1);
}

#[tokio::test]
async fn an_attempt_has_the_time_of_its_poll() {
    let tool = Tool::start(|_, _| answer(200, json!({}))).await;
    let scanner = tool.connector(&scanner("5m"));
    assert_eq!(scanner.spec("scan").timeout.unwrap().as_secs(), 330);
}
