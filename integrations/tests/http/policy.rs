//! The destinations of HTTP steps: nothing near the machine that runs them, unless it is allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::{Server, failure, kind, request};
use axum::Router;
use axum::routing::any;
use serde_json::json;
use updraft_integrations::HttpIntegration;
use updraft_integrations::http::{Allow, Error};
use updraft_protocol::FailureKind;
use updraft_protocol::limits::HTTP_ALLOWED;

/// A server that counts its requests.
async fn counting() -> (Server, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let router = Router::new().fallback(any(move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
        "true"
    }));
    (Server::start(router).await, count)
}

fn allowing(entries: &[String]) -> HttpIntegration {
    let builder = entries
        .iter()
        .fold(HttpIntegration::builder(), |builder, entry| builder.allow(entry.parse::<Allow>().unwrap()));
    builder.build().unwrap()
}

#[tokio::test]
async fn no_spelling_of_this_machine_reaches_it() {
    let (server, count) = counting().await;
    let http = allowing(&[]);
    let port = server.addr.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.8.9.1",
        "0x7f.1",
        "0x7F000001",
        "2130706433",
        "017700000001",
        "0177.0.0.01",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LocalHost",
        "169.254.169.254",
        "10.0.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "255.255.255.255",
        "224.0.0.1",
    ] {
        let arguments = json!({"url": format!("http://{host}:{port}/?key=hunter2")});
        let failure = failure(&http, arguments).await;
        // The address of a name is refused by the policy; an address in the author's URL needs a grant.
        let is_name = host.eq_ignore_ascii_case("localhost");
        let kind = if is_name { FailureKind::Forbidden } else { FailureKind::NotConfigured };
        assert_eq!((failure.kind, failure.retryable()), (kind, !is_name), "{host}: {failure}");
        assert!(!failure.may_have_acted());
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_allowed_address_is_reached_by_address_and_by_name() {
    let (server, count) = counting().await;
    let port = server.addr.port();
    for entry in [format!("127.0.0.1:{port}"), "127.0.0.0/8".to_owned(), format!("127.0.0.0/8:{port}")] {
        let http = allowing(&[entry]);
        for host in ["127.0.0.1", "127.1", "localhost"] {
            request(&http, json!({"url": format!("http://{host}:{port}/")})).await.unwrap();
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 9);
}

#[tokio::test]
async fn an_allowed_name_is_reached_by_this_name_alone() {
    let (server, _) = counting().await;
    let port = server.addr.port();
    let http = allowing(&[format!("localhost:{port}")]);
    request(&http, json!({"url": format!("http://localhost:{port}/")})).await.unwrap();
    request(&http, json!({"url": format!("http://LocalHost:{port}/")})).await.unwrap();
    let arguments = json!({"url": format!("http://127.0.0.1:{port}/")});
    assert_eq!(kind(&http, arguments).await, FailureKind::NotConfigured);
}

#[tokio::test]
async fn a_port_that_is_allowed_opens_no_other_port_of_the_same_host() {
    let (open, opened) = counting().await;
    let (closed, reached) = counting().await;
    let (by_name, named) = counting().await;
    let http =
        allowing(&[format!("127.0.0.1:{}", open.addr.port()), format!("localhost:{}", by_name.addr.port())]);
    for host in ["127.0.0.1", "localhost"] {
        // Twice and mixed: a connection to one port is never used for another.
        for _ in 0..2 {
            request(&http, json!({"url": format!("http://{host}:{}/", open.addr.port())})).await.unwrap();
            let arguments = json!({"url": format!("http://{host}:{}/", closed.addr.port())});
            let refused =
                if host == "localhost" { FailureKind::Forbidden } else { FailureKind::NotConfigured };
            assert_eq!(kind(&http, arguments).await, refused, "{host}");
        }
    }
    request(&http, json!({"url": format!("http://localhost:{}/", by_name.addr.port())})).await.unwrap();
    let arguments = json!({"url": format!("http://127.0.0.1:{}/", by_name.addr.port())});
    assert_eq!(kind(&http, arguments).await, FailureKind::NotConfigured);
    let counts = [&opened, &reached, &named].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts, [4, 0, 1]);
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "policy::an_allowed_address_is_reached_by_address_and_by_name"]);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        // There is no listener: a request through it would fail.
        again.env(name, "http://127.0.0.1:1");
    }
    let output = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn an_allow_list_without_end_is_refused() {
    let entry: Allow = "10.0.0.1".parse().unwrap();
    let builder =
        (0..=HTTP_ALLOWED).fold(HttpIntegration::builder(), |builder, _| builder.allow(entry.clone()));
    assert_eq!(builder.build().unwrap_err(), Error::Allowed(HTTP_ALLOWED + 1));
}

#[test]
fn a_configuration_that_lets_nothing_through_is_refused() {
    assert_eq!(HttpIntegration::builder().open_per_host(1, 0).build().unwrap_err(), Error::OpenPerHost);
    assert!(matches!(HttpIntegration::builder().trust(b"no certificate"), Err(Error::Tls(_))));
}
