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

/// Servers on many addresses of this machine, one of which is told when a connection comes or goes.
#[cfg(target_os = "linux")]
async fn servers() -> (Server, tokio::sync::watch::Receiver<std::collections::BTreeSet<std::net::IpAddr>>) {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (open, seen) = tokio::sync::watch::channel(std::collections::BTreeSet::new());
    let open = Arc::new(open);
    let server = Server::on(listener, move |mut stream| {
        let open = open.clone();
        async move {
            let address = stream.local_addr().unwrap().ip();
            open.send_modify(|open| open.extend([address]));
            while !read_head(&mut stream).await.is_empty() {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1").await.unwrap();
            }
            open.send_modify(|open| open.retain(|other| *other != address));
        }
    });
    (server, seen)
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn of_more_idle_connections_than_are_kept_those_that_are_idle_longest_are_closed() {
    use updraft_protocol::limits::HTTP_IDLE_CONNECTIONS;

    let (server, mut open) = servers().await;
    let port = server.addr.port();
    let http = HttpIntegration::builder().allow("127.0.0.0/8".parse().unwrap()).build().unwrap();
    let hosts = HTTP_IDLE_CONNECTIONS + 20;
    let address = |host: usize| format!("127.0.1.{host}");
    for host in 1..=hosts {
        request(&http, json!({"url": format!("http://{}:{port}/", address(host))})).await.unwrap();
    }
    let kept = open.wait_for(|open| open.len() <= HTTP_IDLE_CONNECTIONS).await.unwrap().clone();
    assert!(!kept.contains(&address(1).parse().unwrap()), "{kept:?}");
    assert!(kept.contains(&address(hosts).parse().unwrap()), "{kept:?}");
    // A tool whose connection was closed is reached by another one.
    request(&http, json!({"url": format!("http://{}:{port}/", address(1))})).await.unwrap();
}
