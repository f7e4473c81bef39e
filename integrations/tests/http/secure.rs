//! Servers with TLS, and their authorities, for the tests of HTTP.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::server::TlsStream;

/// An issuer of certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) pem: String,
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("An authority of tests")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        self.identity_as(name, |_| {})
    }

    pub(crate) fn identity_as(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { pem: format!("{}{}", certificate.pem(), key.serialize_pem()), certificate, key }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }
}

/// The requirement of a server for its clients.
pub(crate) enum Clients<'a> {
    Anyone,
    /// A certificate, if they have one.
    Asked(&'a Authority),
    Certified(&'a Authority),
}

/// Both supported versions.
pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
pub(crate) const OLD: &[&SupportedProtocolVersion] = &[&version::TLS12];
pub(crate) const NEW: &[&SupportedProtocolVersion] = &[&version::TLS13];

pub(crate) fn config(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    clients: &Clients<'_>,
    protocol: &str,
) -> ServerConfig {
    let builder = ServerConfig::builder_with_protocol_versions(versions);
    let verifier = |authority: &Authority| WebPkiClientVerifier::builder(authority.roots());
    let builder = match clients {
        Clients::Anyone => builder.with_no_client_auth(),
        Clients::Asked(authority) => {
            builder.with_client_cert_verifier(verifier(authority).allow_unauthenticated().build().unwrap())
        }
        Clients::Certified(authority) => {
            builder.with_client_cert_verifier(verifier(authority).build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![identity.certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    config
}

/// A server that ends with its test, and the number of its connections and requests.
pub(crate) struct Secure {
    pub(crate) addr: SocketAddr,
    served: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Secure {
    /// Handles each connection whose handshake succeeds with `handle`.
    pub(crate) async fn start<F, Fut>(config: ServerConfig, handle: F) -> Self
    where
        F: Fn(TlsStream<TcpStream>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (acceptor, served) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
        let count = served.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, handle, count) = (acceptor.clone(), handle.clone(), count.clone());
                tokio::spawn(async move {
                    match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => {
                            count.fetch_add(1, Ordering::SeqCst);
                            handle(stream).await;
                        }
                        // Closing with unread bytes would reset the connection, and the alert would be lost.
                        Err((_, mut stream)) => {
                            let _ = stream.shutdown().await;
                            let _ = stream.read_to_end(&mut Vec::new()).await;
                        }
                    }
                });
            }
        });
        Self { addr, served, task }
    }

    /// The number of successful handshakes.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
    }
}
