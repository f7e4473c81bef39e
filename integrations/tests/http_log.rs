//! What the log shows of requests. Alone in its file: the subscriber is the whole process's.

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::any;
use serde_json::json;
use support::{Server, request};
use updraft_integrations::{HttpIntegration, Secret, SecretMap};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_line_of_the_log_has_a_secret_and_they_say_whose_request_it_was() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = Server::start(Router::new().fallback(any(|| async { "[\"hunter2\"]" }))).await;
    let secrets =
        SecretMap::default().with("acme".parse().unwrap(), "KEY".parse().unwrap(), Secret::new("hunter2"));
    let http = HttpIntegration::builder().allow(server.allow()).secrets(secrets).build().unwrap();
    let headers = json!({"X-Key": {"secret": "KEY"}, "Authorization": "Basic hunter2"});
    for expect in [200, 201] {
        let arguments = json!({
            "method": "POST",
            "url": server.url("/hunter2?key=hunter2"),
            "headers": headers,
            "json": {"password": "hunter2"},
            "expect": [expect],
        });
        assert_eq!(request(&http, arguments).await.is_ok(), expect == 200);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("tenant=acme") && log.contains("attempt=1"), "{log}");
    assert!(log.contains("answered 200 OK"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
