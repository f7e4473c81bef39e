//! The life of connections: which requests share them, which close them, and what requests show in the log.

use std::sync::Arc;
use std::time::Duration;

use crate::server::{Server, call_of, read_head, request};
use axum::Router;
use axum::routing::any;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use updraft_integrations::HttpIntegration;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::{FailureKind, Integration};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server that answers each request with the number of its connection.
async fn numbering() -> Server {
    let (count, _) = tokio::sync::watch::channel(0);
    Server::raw(move |mut stream| {
        count.send_modify(|number| *number += 1);
        let number = *count.borrow();
        async move {
            while !read_head(&mut stream).await.is_empty() {
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let server = numbering().await;
    let http = server.http();
    for _ in 0..3 {
        assert_eq!(request(&http, json!({"url": server.url("/")})).await.unwrap()["body"], 1);
    }
}

#[test]
fn a_runtime_that_ended_breaks_no_request_of_another() {
    let (home, first, second) = (runtime(), runtime(), runtime());
    let server = home.block_on(numbering());
    let background = std::thread::scope(|scope| {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        scope.spawn(move || home.block_on(stopped));
        let http = server.http();
        let ask = || async { request(&http, json!({"url": server.url("/")})).await.unwrap()["body"].clone() };
        assert_eq!(first.block_on(ask()), 1);
        assert_eq!(second.block_on(ask()), 2, "a shard has connections of its own");
        drop(first);
        assert_eq!(second.block_on(ask()), 2);
        let third = runtime();
        assert_eq!(third.block_on(ask()), 3);
        drop(server);
        stop.send(())
    });
    assert_eq!(background, Ok(()));
}

#[tokio::test]
async fn dropping_an_attempt_closes_its_connection() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1"] {
        let (told, mut tell) = mpsc::channel(2);
        let server = Server::raw(move |mut stream| {
            let told = told.clone();
            async move {
                read_head(&mut stream).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                told.send("asked").await.unwrap();
                let closed = matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_));
                told.send(if closed { "closed" } else { "more" }).await.unwrap();
            }
        })
        .await;
        let http = server.http();
        let attempt = http.call(call_of("acme", json!({"url": server.url("/")}), Duration::from_secs(600)));
        tokio::select! {
            answer = attempt => panic!("{answer:?}"),
            asked = tell.recv() => assert_eq!(asked, Some("asked")),
        }
        assert_eq!(tell.recv().await, Some("closed"));
    }
}

#[tokio::test]
async fn a_host_has_so_many_requests_at_once_and_the_rest_wait_their_time() {
    let (arrived, mut arrivals) = mpsc::channel(8);
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let router = Router::new().fallback(any(move || async move {
        arrived.send(()).await.unwrap();
        opened.acquire().await.unwrap().forget();
        "true"
    }));
    let server = Server::start(router).await;
    let http =
        Arc::new(HttpIntegration::builder().allow(server.allow()).open_per_host(3, 2).build().unwrap());
    let url = server.url("/");
    let spawn = |tenant: &str| {
        let (http, call) = (http.clone(), call_of(tenant, json!({"url": url}), Duration::from_secs(600)));
        tokio::spawn(async move { http.call(call).await })
    };
    let running: Vec<_> = ["a", "a", "b"].into_iter().map(spawn).collect();
    for _ in &running {
        arrivals.recv().await.unwrap();
    }
    // Longer than the step's timeout: the wait for a permit has a limit of its own.
    tokio::time::pause();
    let late = |tenant| http.call(call_of(tenant, json!({"url": url}), Duration::from_millis(20)));
    let began = tokio::time::Instant::now();
    let (a, b, c) = futures_util::future::join3(late("a"), late("b"), late("c")).await;
    for late in [a, b, c] {
        let late = late.unwrap_err();
        assert_eq!((late.kind, late.retryable()), (FailureKind::Unreachable, true), "{late}");
        assert!(late.message.contains("no free place") && !late.may_have_acted(), "{late}");
    }
    let waited = began.elapsed();
    assert!(waited < ATTEMPT_UNSENT && waited > ATTEMPT_UNSENT / 2, "{waited:?}");
    tokio::time::resume();
    assert!(arrivals.try_recv().is_err(), "a request beyond the limit reached the tool");
    let waiting = spawn("c");
    gate.add_permits(4);
    for task in running.into_iter().chain([waiting]) {
        task.await.unwrap().unwrap();
    }
}

#[test]
fn answers_are_counted_by_the_class_of_their_status() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        runtime().block_on(async {
            let server = numbering().await;
            let http = server.http();
            for _ in 0..2 {
                request(&http, json!({"url": server.url("/")})).await.unwrap();
            }
            request(&http, json!({"url": "http://127.0.0.1:1/"})).await.unwrap_err();
        });
    });
    let counted: Vec<(String, Value)> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
            let DebugValue::Counter(count) = value else { panic!("{key:?}") };
            (format!("{}{{{}}}", key.key().name(), labels.join(",")), json!(count))
        })
        .collect();
    assert_eq!(counted, [("updraft_http_responses_total{status_class=2xx}".to_owned(), json!(2))]);
}
