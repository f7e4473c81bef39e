//! A server that says what its test has it say: real sockets, real TLS, any behaviour. Gone with its test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What the server does where a command comes.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Says this line, or these.
    Says(String),
    /// Closes the connection.
    Closes,
    /// Says nothing more.
    Hangs,
    /// Says one byte of this in each pause of so many milliseconds.
    Drips(String, u64),
}

pub(crate) fn says(text: &str) -> Does {
    Does::Says(format!("{text}\r\n"))
}

/// What it does instead of what a good server does: at the beginning of a line of the client, at `greeting`, or at `.`, the end of a mail.
pub(crate) type Script = Vec<(&'static str, Does)>;

/// How the connection is secured.
#[derive(Clone)]
pub(crate) enum Secured {
    Plain,
    Implicit(Arc<ServerConfig>),
    StartTls(Arc<ServerConfig>),
}

/// A connection, with TLS or without.
type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// The server, and what it was told.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// The lines of all clients; of a mail, its lines too.
    lines: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Told {
    script: Script,
    secured: Secured,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        Self::secured(script, Secured::Plain).await
    }

    pub(crate) async fn secured(script: Script, secured: Secured) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (lines, connections) = (Arc::default(), Arc::new(Mutex::new(0)));
        let told = Told { script, secured, lines: Arc::clone(&lines) };
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                let told = told.clone();
                tokio::spawn(async move {
                    match told.secured.clone() {
                        Secured::Implicit(config) => {
                            if let Ok(tls) = TlsAcceptor::from(config).accept(tcp).await {
                                serve(Box::new(tls), told, true).await;
                            }
                        }
                        Secured::Plain | Secured::StartTls(_) => serve(Box::new(tcp), told, true).await,
                    }
                });
            }
        });
        Self { addr, lines, connections, task }
    }

    /// Its URL, by which it is spoken to without TLS.
    pub(crate) fn plain(&self) -> String {
        format!("smtp-plain://{}", self.addr)
    }

    /// The lines that it was told.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Whether a line was told that begins so.
    pub(crate) fn was_told(&self, start: &str) -> bool {
        self.lines().iter().any(|line| line.starts_with(start))
    }

    /// How many connections it has had.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// Plays its part on one connection; `greets` where the client waits for that.
fn serve(stream: Stream, told: Told, greets: bool) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let mut stream = BufReader::new(stream);
        if greets && !perform(&mut stream, &told, "greeting", "220 mail.example ESMTP\r\n").await {
            return;
        }
        let mut in_mail = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            told.lines.lock().unwrap().push(line.clone());
            if in_mail {
                if line == "." {
                    in_mail = false;
                    if !perform(&mut stream, &told, ".", "250 2.0.0 queued as 4711\r\n").await {
                        return;
                    }
                }
                continue;
            }
            if !perform(&mut stream, &told, &line, usual(&line, &told.secured)).await {
                return;
            }
            in_mail = line == "DATA" && scripted(&told.script, &line).is_none();
            if line == "STARTTLS"
                && let Secured::StartTls(config) = &told.secured
            {
                let Ok(tls) = TlsAcceptor::from(config.clone()).accept(stream.into_inner()).await else {
                    return;
                };
                let told = Told { secured: Secured::Implicit(config.clone()), ..told };
                return serve(Box::new(tls), told, false).await;
            }
        }
    })
}

/// What a good server says.
fn usual(line: &str, secured: &Secured) -> &'static str {
    match line.split(' ').next().unwrap() {
        "EHLO" if matches!(secured, Secured::StartTls(_)) => {
            "250-mail.example\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 STARTTLS\r\n"
        }
        "EHLO" => "250-mail.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN\r\n",
        "STARTTLS" => "220 2.0.0 ready\r\n",
        "AUTH" => "235 2.7.0 welcome\r\n",
        "DATA" => "354 go on\r\n",
        "QUIT" => "221 bye\r\n",
        _ => "250 2.1.0 ok\r\n",
    }
}

fn scripted(script: &Script, line: &str) -> Option<Does> {
    script.iter().find(|(start, _)| line.starts_with(start)).map(|(_, does)| does.clone())
}

/// Does what is scripted, else says what is usual; whether the connection goes on.
async fn perform<S: AsyncWrite + Unpin>(stream: &mut S, told: &Told, line: &str, usual: &str) -> bool {
    match scripted(&told.script, line) {
        None => stream.write_all(usual.as_bytes()).await.is_ok(),
        Some(Does::Says(text)) => stream.write_all(text.as_bytes()).await.is_ok(),
        Some(Does::Closes) => {
            let _ = stream.shutdown().await;
            false
        }
        Some(Does::Hangs) => std::future::pending().await,
        Some(Does::Drips(text, pause)) => {
            for byte in text.bytes() {
                if stream.write_all(&[byte]).await.is_err() {
                    return false;
                }
                let _ = stream.flush().await;
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
            true
        }
    }
}

/// A certificate of an authority of its own, and the authority in PEM.
pub(crate) fn certificate(name: &str) -> (Arc<ServerConfig>, String) {
    let (chain, key, authority) = identity(name);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    (Arc::new(config.with_single_cert(vec![chain.der().clone()], key).unwrap()), authority)
}

/// The same, in its parts.
pub(crate) fn identity(name: &str) -> (rcgen::Certificate, KeyPair, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, format!("An authority for {name}"));
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    (certificate, key, authority.pem())
}
