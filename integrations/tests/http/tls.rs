//! HTTPS: HTTP/2, authorities of one's own, and certificates that nobody vouches for.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::server::{failure, request};
use axum::Router;
use axum::http::Version;
use axum::routing::any;
use axum::serve::Listener;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;
use updraft_integrations::HttpIntegration;
use updraft_protocol::FailureKind;

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, addr)) = self.listener.accept().await else { continue };
            // A client that does not trust the certificate ends the handshake.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, addr);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A server for `localhost` that tells the version of HTTP, and its certificate.
async fn serve() -> (SocketAddr, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let version = |version: Version| async move { axum::Json(format!("{version:?}")) };
    let router = Router::new().fallback(any(version));
    // Ends with the test's runtime.
    tokio::spawn(async move { axum::serve(TlsListener { listener, acceptor }, router).await });
    (addr, certified.cert.pem())
}

#[tokio::test]
async fn a_tool_with_a_certificate_of_ones_own_authority_is_reached_by_http_2() {
    let (addr, pem) = serve().await;
    let builder = HttpIntegration::builder().allow(addr.to_string().parse().unwrap());
    let http = builder.trust(pem.as_bytes()).unwrap().build().unwrap();
    let url = format!("https://localhost:{}/", addr.port());
    for _ in 0..2 {
        let answer = request(&http, json!({"url": url})).await.unwrap();
        assert_eq!(answer["body"], "HTTP/2.0");
    }
    let wrong_name = failure(&http, json!({"url": format!("https://{addr}/")})).await;
    assert_eq!(wrong_name.kind, FailureKind::Unreachable);
    assert!(wrong_name.message.contains("certificate"), "{wrong_name}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let (addr, _) = serve().await;
    let http = HttpIntegration::builder().allow(addr.to_string().parse().unwrap()).build().unwrap();
    let failure = failure(&http, json!({"url": format!("https://localhost:{}/", addr.port())})).await;
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(!failure.kind.may_have_acted());
    assert!(failure.message.contains("certificate"), "{failure}");
}
