//! When a request is sent: an earlier failure has not acted; a request is reported as sent before the tool can read it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;

use crate::server::{Server, attempt, call_of, read_head};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use updraft_integrations::HttpIntegration;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{Failure, FailureKind, Integration, Json, PermitRequest, Sending};

const SOON: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_secs(60);

fn unsent((answer, begun): (Result<Json, Failure>, usize)) -> Failure {
    let failure = answer.unwrap_err();
    assert_eq!((begun, failure.may_have_acted()), (0, false), "{failure}");
    failure
}

#[tokio::test]
async fn what_is_sent_is_said_once_with_and_without_a_body() {
    let server = Server::bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await;
    let http = server.http();
    assert!(http.spec("request").says_sending);
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        for body in [Value::Null, json!({"a": "b".repeat(100_000)})] {
            let mut arguments = json!({"method": method, "url": server.url("/")});
            if !body.is_null() {
                arguments["json"] = body;
            }
            let (answer, begun) = attempt(&http, arguments, LATE).await;
            assert!(answer.is_ok(), "{method}: {answer:?}");
            assert_eq!(begun, 1, "{method}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_before_is_never_sent() {
    let server = Server::bytes("").await;
    let http = server.http();
    for (arguments, kind) in [
        (json!({"url": "ftp://x/"}), FailureKind::InvalidArguments),
        (json!({"url": "http://127.0.0.1:1/"}), FailureKind::NotConfigured),
        (json!({"url": "http://nobody.invalid/"}), FailureKind::Unreachable),
    ] {
        assert_eq!(unsent(attempt(&http, arguments, LATE).await).kind, kind);
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_no_request() {
    // Accepts the connection and stays silent: with TLS, no request can be sent.
    let server = Server::raw(|stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let arguments = json!({"method": "POST", "url": format!("https://{}/", server.addr), "json": 1});
    let failure = unsent(attempt(&server.http(), arguments, SOON).await);
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Unreachable, true));
    let arguments = json!({"method": "POST", "url": server.url("/"), "json": 1});
    let (answer, begun) = attempt(&server.http(), arguments, SOON).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted(), begun), (FailureKind::Timeout, true, 1));
}

#[tokio::test]
async fn who_waits_for_a_place_has_not_sent() {
    let (told, mut tell) = tokio::sync::mpsc::channel(1);
    let server = Server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            told.send(()).await.unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await;
    let http = HttpIntegration::builder().allow(server.allow()).open_per_host(1, 1).build().unwrap();
    let arguments = json!({"method": "POST", "url": server.url("/")});
    let holder = http.call(call_of("acme", arguments.clone(), 2 * ATTEMPT_UNSENT));
    let waiting = async {
        tell.recv().await.unwrap();
        tokio::time::pause();
        unsent(attempt(&http, arguments.clone(), SOON).await)
    };
    tokio::select! {
        answer = holder => panic!("{answer:?}"),
        failure = waiting => assert_eq!((failure.kind, failure.retryable()), (FailureKind::Unreachable, true)),
    }
}

#[tokio::test]
async fn who_waits_for_a_token_has_not_sent() {
    let (server, silent) = (Server::bytes("").await, Server::silent().await);
    let auth =
        json!({"oauth2": {"token_url": silent.url("/"), "client_id": "a", "client_secret": "hunter2"}});
    let http = HttpIntegration::builder().allow(server.allow()).allow(silent.allow()).build().unwrap();
    let failure = unsent(attempt(&http, json!({"url": server.url("/"), "auth": auth}), SOON).await);
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::Unreachable, true));
}

#[tokio::test]
async fn a_request_is_never_sent_twice_by_one_attempt() {
    // The first answer keeps its connection, which is closed as soon as a second request was received over it.
    let (told, mut tell) = tokio::sync::mpsc::channel(8);
    let server = Server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            told.send("first").await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await.unwrap();
            let mut buffer = [0; 1024];
            if stream.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
                told.send("second").await.unwrap();
            }
        }
    })
    .await;
    let http = server.http();
    let arguments = json!({"method": "POST", "url": server.url("/")});
    assert!(attempt(&http, arguments.clone(), LATE).await.0.is_ok());
    let (answer, begun) = attempt(&http, arguments, LATE).await;
    let failure = answer.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted(), begun), (FailureKind::Interrupted, true, 1));
    assert_eq!((tell.recv().await, tell.recv().await), (Some("first"), Some("second")));
    assert!(tell.try_recv().is_err(), "a third request came");
}

#[tokio::test]
async fn a_call_takes_the_place_that_it_was_given_and_gives_it_back() {
    let server = Server::bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await;
    let http = HttpIntegration::builder().allow(server.allow()).open_per_host(1, 1).build().unwrap();
    assert!(http.spec("request").takes_permit);
    let permit = |url: &str| {
        let (tenant, action) = ("acme".parse().unwrap(), "request".parse().unwrap());
        let arguments = json!({"url": url, "path": {"id": null}}).into();
        http.permit(&PermitRequest { tenant: &tenant, action: &action, arguments: &arguments })
    };
    let url = server.url("/{id}");
    let first = permit(&url).unwrap().await.unwrap();
    let mut second = permit(&url).unwrap();
    assert!((&mut second).now_or_never().is_none(), "it stands in line");
    let mut call = call_of("acme", json!({"url": server.url("/")}), LATE);
    call.permit = first.clone();
    assert!(http.call(call).await.is_ok(), "it needs no other place");
    assert!(first.take().is_none());
    let second = second.await.unwrap();
    drop(second);
    assert!(permit(&url).unwrap().now_or_never().unwrap().is_ok(), "what is not used is given back");
    for nowhere in ["{", "ftp://x/", "http://127.0.0.1:1/"] {
        assert!(permit(nowhere).is_none(), "{nowhere}");
    }
}

#[tokio::test]
async fn an_answer_that_used_the_last_call_of_a_rate_says_for_how_long_the_tool_is_left_alone() {
    for (head, secs) in [
        ("200 OK\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 40", vec![40]),
        ("404 Not Found\r\nRateLimit: \"day\";r=0;t=7", vec![7]),
        ("200 OK\r\nX-RateLimit-Remaining: 3\r\nX-RateLimit-Reset: 40", vec![]),
    ] {
        let server = Server::bytes(format!("HTTP/1.1 {head}\r\nContent-Length: 2\r\n\r\n[]")).await;
        let told = Arc::<Mutex<Vec<u64>>>::default();
        let keep = told.clone();
        let mut call = call_of("acme", json!({"url": server.url("/")}), LATE);
        call.sending =
            Sending::new(|| true).with_left_alone(move |pause| keep.lock().unwrap().push(pause.as_secs()));
        let _ = server.http().call(call).await;
        assert_eq!(*told.lock().unwrap(), secs, "{head}");
    }
}
