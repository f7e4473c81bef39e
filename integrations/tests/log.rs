//! The log of requests. Alone in its file, since the subscriber is for the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use axum::serve::Listener;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;
use updraft_integrations::HttpIntegration;
use updraft_protocol::{
    Call, CallFiles, CallPermit, GivenSecret, Integration, Masking, Secret, SecretReference, Sending,
};

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

/// The log of all tests in this process.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn no_line_of_the_log_has_a_secret_and_they_say_whose_request_it_was() {
    LazyLock::force(&LOG);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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
        let secrets = vec![GivenSecret { reference, secret: Secret::new("hunter2").unwrap() }];
        let call = Call { secrets, ..call(arguments) };
        assert_eq!(http.call(call).await.is_ok(), expect == 200);
    }
    let log = LOG.text();
    assert!(log.contains("tenant=acme") && log.contains("attempt=1"), "{log}");
    assert!(log.contains("answered 200 OK"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

fn call(arguments: serde_json::Value) -> Call {
    Call {
        tenant: "acme".parse().unwrap(),
        peid: "0190aaaa-bbbb-7111-8222-000000000000".parse().unwrap(),
        task_id: "0190aaaa-bbbb-7111-8222-333344445555".parse().unwrap(),
        step_id: "lookup".parse().unwrap(),
        action: "request".parse().unwrap(),
        attempt: 1,
        arguments: arguments.into(),
        secrets: Vec::new(),
        masking: Masking::default(),
        timeout: Duration::from_secs(60),
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: CallFiles::default(),
    }
}

/// Accepts connections by TLS, on which HTTP/2 is spoken.
struct SecureListener(TcpListener, TlsAcceptor);

impl Listener for SecureListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, addr) = self.0.accept().await.unwrap();
        (self.1.accept(stream).await.unwrap(), addr)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A tool for `localhost` that ends with the test's runtime, and its authority.
async fn secure() -> (SocketAddr, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let listener = SecureListener(listener, TlsAcceptor::from(Arc::new(config)));
    let router = Router::new().fallback(any(|| async { "[\"hunter2\"]" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (addr, certified.cert.pem())
}

#[tokio::test]
async fn no_line_has_what_goes_by_http_2_or_what_a_proxy_knows_us_by() {
    LazyLock::force(&LOG);
    let (tool, authority) = secure().await;
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://user:hunter2@{}", refusing.local_addr().unwrap());
    // Ends with the test's runtime.
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = refusing.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 407 hunter2\r\nX: hunter2\r\n\r\n").await;
        }
    });
    let http = HttpIntegration::builder()
        .allow(tool.to_string().parse().unwrap())
        .allow("tool.invalid".parse().unwrap())
        .trust(authority.as_bytes())
        .unwrap()
        .proxy_for("tool.invalid".parse().unwrap(), proxy.parse().unwrap());
    let http = http.build().unwrap();
    for (place, reached) in [
        (format!("https://localhost:{}", tool.port()), true),
        ("https://tool.invalid".to_owned(), false),
        ("http://tool.invalid".to_owned(), false),
    ] {
        let arguments = json!({
            "method": "POST",
            "url": format!("{place}/hunter2?key=hunter2"),
            "headers": {"Authorization": "Basic hunter2"},
            "json": {"password": "hunter2"},
        });
        assert_eq!(http.call(call(arguments)).await.is_ok(), reached, "{place}");
    }
    let log = LOG.text();
    assert!(log.contains("h2::") && log.contains("the proxy http://127.0.0.1:"), "{log}");
    // `user:hunter2` in Basic.
    for secret in ["hunter2", "dXNlcjpodW50ZXIy"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
