//! The failures of tools that are down, slow, broken or hostile.

use std::time::Duration;

use crate::server::{Server, call_of, failure, kind, read_head, request};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::Redirect;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use updraft_protocol::limits::{HTTP_READ_BYTES, RESPONSE_BYTES};
use updraft_protocol::{Failure, FailureKind, Integration};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

async fn failure_of(answer: impl Into<Vec<u8>>) -> Failure {
    let server = Server::bytes(answer).await;
    failure(&server.http(), json!({"url": server.url("/")})).await
}

#[tokio::test]
async fn an_unexpected_status_fails_and_its_message_has_nothing_of_request_or_answer() {
    let router = Router::new().route("/", get(|| async { (StatusCode::BAD_REQUEST, "token hunter2") }));
    let server = Server::start(router).await;
    let url = server.url("/?key=hunter2");
    let failure = failure(&server.http(), json!({"url": url, "headers": {"X-Key": "hunter2"}})).await;
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Status, false));
    assert_eq!(failure.message, format!("GET {}: answered 400 Bad Request", server.addr));
}

#[tokio::test]
async fn the_step_says_which_statuses_are_tried_again() {
    let router = Router::new()
        .route("/500", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/404", get(|| async { StatusCode::NOT_FOUND }))
        .route("/429", get(|| async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "2")]) }));
    let server = Server::start(router).await;
    let http = server.http();
    for (path, retry_on, kind, retryable) in [
        ("/500", Value::Null, FailureKind::Status, true),
        ("/500", json!([]), FailureKind::Status, false),
        ("/404", Value::Null, FailureKind::Status, false),
        ("/404", json!(["4xx"]), FailureKind::Status, true),
        ("/429", Value::Null, FailureKind::RateLimited, true),
    ] {
        let failure = failure(&http, json!({"url": server.url(path), "retry_on": retry_on})).await;
        assert_eq!((failure.kind, failure.retryable()), (kind, retryable), "{path}");
        let seconds = (path == "/429").then_some(Duration::from_secs(2));
        assert_eq!(failure.retry_after(), seconds);
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_and_a_name_of_nobody_are_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let allow = addr.to_string().parse().unwrap();
    let http = updraft_integrations::HttpIntegration::builder().allow(allow).build().unwrap();
    let refused = failure(&http, json!({"url": format!("http://{addr}/?key=hunter2")})).await;
    assert_eq!((refused.kind, refused.retryable()), (FailureKind::Unreachable, true));
    assert!(!refused.kind.may_have_acted());
    assert!(refused.message.starts_with(&format!("GET {addr}: no connection")), "{refused}");
    let nobody = failure(&http, json!({"url": "http://nobody.invalid/?key=hunter2"})).await;
    assert_eq!(nobody.kind, FailureKind::Unreachable);
    assert!(!format!("{refused:?} {nobody:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_interrupted_wherever_it_breaks() {
    let chunk = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n");
    for answer in [
        String::new(),
        "HTTP/1.1 200".to_owned(),
        OK.to_owned(),
        format!("{OK}Content-Length: 10\r\n\r\n[1,2"),
        chunk,
    ] {
        let failure = failure_of(answer.as_bytes()).await;
        assert_eq!(failure.kind, FailureKind::Interrupted, "{answer}: {failure}");
        assert!(failure.retryable() && failure.kind.may_have_acted());
        assert!(!failure.message.contains("HTTP/1.1") && !failure.message.contains("[1,2"), "{failure}");
    }
}

#[tokio::test]
async fn a_head_that_is_no_http_is_invalid_and_hides_what_the_tool_did() {
    for answer in
        ["this is no HTTP\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12"]
    {
        let failure = failure_of(answer.as_bytes()).await;
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::InvalidResponse, false), "{answer}");
        assert!(failure.may_have_acted() && failure.message.contains("cannot be read as HTTP"), "{failure}");
    }
    let odd = format!("{OK}{}Bad Name: 1\r\nFolded: a\r\n b\r\n", "a: 1\r\n".repeat(300));
    let server = Server::bytes(format!("{odd}Content-Length: 2\r\n\r\n[]")).await;
    let answer = request(&server.http(), json!({"url": server.url("/")})).await.unwrap();
    assert_eq!(answer["body"], json!([]), "one bad header costs that header");
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_is_invalid() {
    for body in [&b"<html>hunter2</html>"[..], b"{\"a\":", b"\x1f\x8b\x08\x00"] {
        let mut answer = format!("{OK}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        let failure = failure_of(answer).await;
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::InvalidResponse, false));
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}

/// Sends `piece` until the client closes, and reports how many bytes were sent.
async fn endless(head: &'static str, piece: &'static [u8]) -> (Server, tokio::sync::mpsc::Receiver<usize>) {
    let (told, sent) = tokio::sync::mpsc::channel(1);
    let server = Server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(format!("{OK}{head}\r\n").as_bytes()).await.unwrap();
            let mut bytes = 0;
            while stream.write_all(piece).await.is_ok() {
                bytes += piece.len();
            }
            told.send(bytes).await.unwrap();
        }
    });
    (server.await, sent)
}

#[tokio::test]
async fn an_endless_answer_is_cut_off_at_the_limit() {
    let chunk: &'static [u8] =
        Box::leak([b"8000\r\n", &[b' '; 0x8000][..], b"\r\n"].concat().into_boxed_slice());
    let (server, mut sent) = endless("Transfer-Encoding: chunked\r\n", chunk).await;
    let failure = failure(&server.http(), json!({"url": server.url("/")})).await;
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::TooLarge, false));
    // The server sent no more than the limit and the buffers of the sockets.
    assert!(sent.recv().await.unwrap() < 4 * HTTP_READ_BYTES);
}

#[tokio::test]
async fn an_announced_length_beyond_the_limit_is_refused_unread() {
    let head = format!("{OK}Content-Length: {}\r\n\r\n", 1_u64 << 60);
    let server = Server::raw(move |mut stream| {
        let head = head.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            // No byte of the body is ever sent.
            std::future::pending::<()>().await;
        }
    })
    .await;
    assert_eq!(kind(&server.http(), json!({"url": server.url("/")})).await, FailureKind::TooLarge);
}

#[tokio::test]
async fn the_step_may_set_a_limit_of_its_own() {
    let server = Server::start(Router::new().route("/", get(|| async { "[1,2,3]" }))).await;
    let http = server.http();
    let fits = request(&http, json!({"url": server.url("/"), "max_bytes": 7})).await.unwrap();
    assert_eq!(fits["body"], json!([1, 2, 3]));
    let arguments = json!({"url": server.url("/"), "max_bytes": 6});
    assert_eq!(kind(&http, arguments).await, FailureKind::TooLarge);
}

#[tokio::test]
async fn the_largest_answer_is_read_whole() {
    let text = format!("\"{}\"", "a".repeat(RESPONSE_BYTES - 100));
    let server = Server::start(Router::new().route("/", get(|| async { text }))).await;
    let answer = request(&server.http(), json!({"url": server.url("/")})).await.unwrap();
    assert_eq!(answer["body"].as_str().unwrap().len(), RESPONSE_BYTES - 100);
}

#[tokio::test]
async fn a_tool_that_is_silent_or_stops_half_way_times_out() {
    for (answer, words) in [
        ("", "no answer within 50ms"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1", "the answer was not whole within 50ms"),
    ] {
        let server = Server::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let call = call_of("acme", json!({"url": server.url("/")}), Duration::from_millis(50));
        let failure = server.http().call(call).await.unwrap_err();
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::Timeout, true), "{answer}");
        assert_eq!(failure.message, format!("GET {}: {words}", server.addr));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let router = Router::new()
        .route("/away", get(|| async { Redirect::temporary("/here") }))
        .route("/here", get(|| async { "true" }));
    let server = Server::start(router).await;
    let http = server.http();
    let failure = failure(&http, json!({"url": server.url("/away")})).await;
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Status, false));
    let arguments = json!({"url": server.url("/away"), "expect": ["3xx"], "response": "none"});
    assert_eq!(request(&http, arguments).await.unwrap()["status"], 307);
}

#[tokio::test]
async fn another_action_than_request_is_refused() {
    let server = Server::start(Router::new()).await;
    let mut call = call_of("acme", json!({"url": server.url("/")}), Duration::from_secs(60));
    call.action = "delete_all".parse().unwrap();
    let http = server.http();
    assert_eq!(http.actions(), ["request"]);
    assert_eq!(http.call(call).await.unwrap_err().kind, FailureKind::InvalidArguments);
}
