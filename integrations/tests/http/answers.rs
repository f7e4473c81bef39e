//! The outcomes of answers: of reads and of writes, whole, cut, compressed, too large, and with their headers.

use std::io::Write;
use std::time::Duration;

use crate::server::{Server, call_of, failure, given, read_head, request};
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::routing::any;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use updraft_protocol::limits::{HTTP_FAILURE_BODY_BYTES, HTTP_READ_BYTES, RESPONSE_BYTES};
use updraft_protocol::{Failure, FailureKind, Integration};

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn read(server: &Server) -> Value {
    json!({"url": server.url("/")})
}

fn write(server: &Server) -> Value {
    json!({"method": "POST", "url": server.url("/")})
}

fn with(mut arguments: Value, more: &Value) -> Value {
    let fields = arguments.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())));
    arguments
}

fn answer_of(failure: &Failure) -> Value {
    failure.answer.as_ref().unwrap().value().try_into().unwrap()
}

/// The bytes of an answer with these headers and this body.
fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [format!("{OK}{headers}Content-Length: {length}\r\n\r\n").as_bytes(), body].concat()
}

#[tokio::test]
async fn an_answer_without_a_body_is_null_whatever_its_status_and_whoever_asks() {
    for status in ["200 OK", "201 Created", "202 Accepted", "204 No Content", "205 Reset Content"] {
        for body in ["", " \r\n"] {
            let length = if status.starts_with("204") {
                String::new()
            } else {
                format!("Content-Length: {}\r\n", body.len())
            };
            let body = if length.is_empty() { "" } else { body };
            let server = Server::bytes(format!("HTTP/1.1 {status}\r\n{length}\r\n{body}")).await;
            let code: u16 = status[..3].parse().unwrap();
            for arguments in [read(&server), write(&server)] {
                let output = request(&server.http(), arguments).await.unwrap();
                assert_eq!(output, json!({"status": code, "headers": {}, "body": null}), "{status}");
            }
        }
    }
}

/// Answers that cannot be kept: their bytes, the arguments, the failure of a read, the part that a write keeps, and the
/// message.
fn unkept() -> Vec<(Vec<u8>, Value, FailureKind, Value, &'static str)> {
    use FailureKind::{Interrupted, InvalidResponse, TooLarge};
    let large = format!("[{}1]", "12,".repeat(RESPONSE_BYTES / 2));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let cut = format!("{OK}Content-Length: 10\r\n\r\n[1,2").into_bytes();
    let chunked = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n").into_bytes();
    let huge = format!("{OK}Content-Length: {}\r\n\r\n", HTTP_READ_BYTES + 1).into_bytes();
    let (all, text) = (json!({}), json!({"response": "text"}));
    let null = Value::Null;
    let few = json!({"response": "text", "max_bytes": 3});
    let typed = |header: &str, body: &[u8]| answer(&format!("{header}\r\n"), body);
    let klingon = typed("Content-Type: a/b; charset=klingon", b"1");
    vec![
        (answer("", b"<html>"), all.clone(), InvalidResponse, null.clone(), "not JSON at line 1, column 1"),
        (
            answer("", b"{\"a\": NaN}"),
            all.clone(),
            InvalidResponse,
            null.clone(),
            "`NaN` is no value of JSON",
        ),
        (answer("", large.as_bytes()), all.clone(), TooLarge, null.clone(), "larger than"),
        (answer("", deep.as_bytes()), all.clone(), InvalidResponse, null.clone(), "nested deeper"),
        (answer("", b"{}"), json!({"keep": "$.a"}), InvalidResponse, null.clone(), "nothing that `keep`"),
        (answer("", b"abcdef"), few, TooLarge, json!("abc"), "larger than 3 bytes"),
        (typed("Content-Encoding: gzip", b"x"), all.clone(), InvalidResponse, null.clone(), "packed as gzip"),
        (typed("Content-Encoding: lzma", b"x"), all.clone(), InvalidResponse, null.clone(), "coding `lzma`"),
        (klingon, all.clone(), InvalidResponse, null.clone(), "charset `klingon`"),
        (cut.clone(), all.clone(), Interrupted, null.clone(), "connection broke"),
        (cut, text, Interrupted, json!("[1,2"), "connection broke"),
        (chunked, all.clone(), Interrupted, null.clone(), "connection broke"),
        (huge, all, TooLarge, null, "larger than the 16777216 bytes"),
    ]
}

#[tokio::test]
async fn what_cannot_be_kept_fails_a_read_and_is_noted_of_a_write() {
    for (bytes, more, kind, body, note) in unkept() {
        let server = Server::bytes(bytes).await;
        let failed = failure(&server.http(), with(read(&server), &more)).await;
        assert_eq!((failed.kind, failed.retryable()), (kind, kind == FailureKind::Interrupted), "{note}");
        assert!(failed.message.contains(note), "{failed}");
        assert_eq!(answer_of(&failed)["status"], 200);
        let output = request(&server.http(), with(write(&server), &more)).await.unwrap();
        assert_eq!(
            (&output["status"], &output["headers"], &output["body"]),
            (&json!(200), &json!({}), &body),
            "{note}"
        );
        assert!(output["note"].as_str().unwrap().contains(note), "{output}");
        let required = with(with(write(&server), &more), &json!({"require": "body"}));
        let failed = failure(&server.http(), required).await;
        assert_eq!(failed.kind, kind);
        assert!(failed.may_have_acted(), "it was written: {failed}");
        let waived = with(with(read(&server), &more), &json!({"require": "nothing"}));
        assert!(request(&server.http(), waived).await.is_ok());
    }
}

#[tokio::test]
async fn a_write_whose_answer_stops_half_way_is_done_and_a_read_times_out() {
    let server = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 201 Created\r\nLocation: /jobs/7\r\nContent-Length: 5\r\n\r\n[1")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let timeout = Duration::from_millis(200);
    let http = server.http();
    let output = http.call(call_of("acme", write(&server), timeout)).await.unwrap().value();
    let note = "the answer was not whole within 200ms";
    assert_eq!(
        output,
        json!({"status": 201, "headers": {"location": "/jobs/7"}, "body": null, "note": note})
    );
    let failed = http.call(call_of("acme", read(&server), timeout)).await.unwrap_err();
    assert_eq!((failed.kind, failed.retryable()), (FailureKind::Timeout, true));
}

#[tokio::test]
async fn a_large_answer_is_read_whole_before_a_part_is_kept() {
    let rows = format!(
        "{{\"rows\":[{}{{\"id\":7}}]}}",
        format!("{{\"x\":\"{}\"}},", "y".repeat(1000)).repeat(10_000)
    );
    assert!(rows.len() > 8 * RESPONSE_BYTES && rows.len() < HTTP_READ_BYTES);
    let server = Server::start(Router::new().fallback(any(|| async { rows }))).await;
    let arguments = with(read(&server), &json!({"keep": "$.rows[?@.id].id", "max_bytes": 10}));
    let output = request(&server.http(), arguments).await.unwrap();
    assert_eq!(output, json!({"status": 200, "headers": {}, "body": [7]}));
}

#[tokio::test]
async fn a_packed_answer_is_unpacked_and_a_bomb_is_stopped() {
    let gzip = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let server = Server::bytes(answer("Content-Encoding: gzip\r\n", &gzip(b"[1, \"\xc3\xbc\"]"))).await;
    assert_eq!(request(&server.http(), read(&server)).await.unwrap()["body"], json!([1, "ü"]));
    let packed = gzip(b"[1, 2, 3, 4, 5, 6, 7, 8, 9]");
    let server = Server::bytes(answer("Content-Encoding: gzip\r\n", &packed[..packed.len() - 6])).await;
    let failed = failure(&server.http(), read(&server)).await;
    assert_eq!((failed.kind, failed.retryable()), (FailureKind::Interrupted, true), "{failed}");
    let bomb = gzip(&gzip(&vec![b' '; 2 * HTTP_READ_BYTES]));
    let server = Server::bytes(answer("Content-Encoding: gzip, gzip\r\n", &bomb)).await;
    assert_eq!(failure(&server.http(), read(&server)).await.kind, FailureKind::TooLarge);
    assert_eq!(request(&server.http(), write(&server)).await.unwrap()["body"], Value::Null);
}

#[tokio::test]
async fn the_headers_that_lead_on_and_those_that_are_named_are_given() {
    let router = Router::new().fallback(any(|| async {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("link", "</a>"),
            ("link", "</b>"),
            ("x-ratelimit-remaining", "3"),
            ("etag", "\"1\""),
            ("set-cookie", "a=b"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        (StatusCode::OK, headers, "[]")
    }));
    let server = Server::start(router).await;
    let arguments = with(read(&server), &json!({"keep_headers": ["ETag", "X-Next"]}));
    let output = request(&server.http(), arguments).await.unwrap();
    let headers = json!({"link": "</a>, </b>", "x-ratelimit-remaining": "3", "etag": "\"1\""});
    assert_eq!(output, json!({"status": 200, "headers": headers, "body": []}));
}

#[tokio::test]
async fn a_failure_keeps_what_the_tool_answered() {
    let long = "ü".repeat(HTTP_FAILURE_BODY_BYTES);
    for (body, kept) in [
        ("{\"code\": 12345678901234567890123}".to_owned(), json!(null)),
        ("{\"code\": \"exists\"}".to_owned(), json!({"code": "exists"})),
        ("plain".to_owned(), json!("plain")),
        (String::new(), json!(null)),
        (long, json!("ü".repeat(HTTP_FAILURE_BODY_BYTES / 2))),
    ] {
        let sent = body.clone();
        let router = Router::new().fallback(any(move || async move {
            (StatusCode::CONFLICT, [(header::LOCATION, "/jobs/1"), (header::SERVER, "x")], body)
        }));
        let server = Server::start(router).await;
        for arguments in [read(&server), write(&server)] {
            let failed = failure(&server.http(), arguments).await;
            assert_eq!(failed.message.rsplit(": ").next(), Some("answered 409 Conflict"));
            let answer = failed.answer.as_ref().unwrap();
            if sent.contains("12345678901234567890123") {
                assert!(answer.as_str().contains("\"body\":{\"code\":12345678901234567890123}"), "{answer}");
                continue;
            }
            let answer = answer_of(&failed);
            assert_eq!(
                (&answer["status"], &answer["headers"], &answer["body"]),
                (&json!(409), &json!({"location": "/jobs/1"}), &kept)
            );
            assert_eq!(answer.get("note").is_some(), sent.len() > HTTP_FAILURE_BODY_BYTES);
        }
    }
}

#[tokio::test]
async fn a_secret_is_masked_in_headers_notes_and_answers_of_failures() {
    let router = Router::new().fallback(any(|headers: HeaderMap| async move {
        let sent = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        let location = HeaderValue::from_str(&format!("/?t={sent}")).unwrap();
        let body = json!({ "sent": sent }).to_string();
        (StatusCode::FORBIDDEN, [(header::LOCATION, location)], body)
    }));
    let server = Server::start(router).await;
    let http = server.http();
    let answered = |more: Value| {
        let arguments = with(with(read(&server), &json!({"headers": {"Authorization": null}})), &more);
        let mut call = call_of("acme", arguments, Duration::from_secs(60));
        call.secrets = vec![given("/headers/Authorization", "Bearer ", "hunter2")];
        http.call(call)
    };
    let failed = answered(json!({})).await.unwrap_err();
    assert_eq!(answer_of(&failed)["body"], json!({"sent": "Bearer ***"}));
    let output = answered(json!({"expect": [403], "response": "text"})).await.unwrap().value();
    assert_eq!(output["headers"]["location"], json!("/?t=Bearer ***"));
    assert!(!format!("{failed:?} {output}").contains("hunter2"));
}

#[tokio::test]
async fn a_redirect_after_a_write_leads_to_what_was_done() {
    let answer = "HTTP/1.1 303 See Other\r\nLocation: /jobs/1\r\nContent-Length: 0\r\n\r\n";
    let server = Server::bytes(answer).await;
    let output = request(&server.http(), write(&server)).await.unwrap();
    assert_eq!(output, json!({"status": 303, "headers": {"location": "/jobs/1"}, "body": null}));
    assert_eq!(failure(&server.http(), read(&server)).await.kind, FailureKind::Status);
    let unexpected = failure(&server.http(), with(write(&server), &json!({"expect": [200]}))).await;
    assert!(unexpected.may_have_acted());
}
