//! What the log shows of requests. Alone in its file: the subscriber is the whole process's.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use serde_json::json;
use updraft_integrations::HttpIntegration;
use updraft_protocol::{Call, GivenSecret, Integration, Masking, Secret, SecretReference, Sending};

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
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Router::new().fallback(any(|| async { "[\"hunter2\"]" }));
    // Ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, router).await });
    let http = HttpIntegration::builder().allow(addr.to_string().parse().unwrap()).build().unwrap();
    let headers = json!({"X-Key": null, "Authorization": "Basic hunter2"});
    for expect in [200, 201] {
        let arguments = json!({
            "method": "POST",
            "url": format!("http://{addr}/hunter2?key=hunter2"),
            "headers": headers,
            "json": {"password": "hunter2"},
            "expect": [expect],
        });
        let reference = SecretReference {
            place: "/headers/X-Key".to_owned(),
            name: "KEY".parse().unwrap(),
            prefix: String::new(),
        };
        let call = Call {
            tenant: "acme".parse().unwrap(),
            peid: "0190aaaa-bbbb-7111-8222-000000000000".parse().unwrap(),
            task_id: "0190aaaa-bbbb-7111-8222-333344445555".parse().unwrap(),
            step_id: "lookup".parse().unwrap(),
            action: "request".parse().unwrap(),
            attempt: 1,
            arguments: arguments.into(),
            secrets: vec![GivenSecret { reference, secret: Secret::new("hunter2").unwrap() }],
            masking: Masking::default(),
            timeout: Duration::from_secs(60),
            sending: Sending::default(),
        };
        assert_eq!(http.call(call).await.is_ok(), expect == 200);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("tenant=acme") && log.contains("attempt=1"), "{log}");
    assert!(log.contains("answered 200 OK"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
