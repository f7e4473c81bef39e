//! Connections: from a URL's host to a stream for HTTP, directly or through a proxy, with or without TLS. Judges every
//! address at the moment of its use; keeps no connection and sends no request.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::{Scheme, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;
use updraft_protocol::limits::HTTP_CONNECT_TIMEOUT;

use super::asking::Asking;
use super::connection::{Answering, Connection, Opened, Stream};
use super::contexts::{Context as Tls, Contexts};
use super::dial::{self, dial};
use super::frames::Frames;
use super::open::{OpenConnection, OpenConnections};
use super::policy::Policy;
use super::proxy::{Kind, Proxy};
use super::tunnel::{self, Refusal};

/// Opens the connections of one pool: for hosts of the same TLS settings and the same proxy.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) policy: Policy,
    pub(crate) contexts: Arc<Contexts>,
    /// The TLS of these hosts.
    pub(crate) context: Tls,
    pub(crate) proxy: Option<Via>,
    /// All that are open in the process.
    pub(crate) connections: Arc<OpenConnections>,
}

/// A proxy, and its own TLS.
#[derive(Clone)]
pub(crate) struct Via {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) context: Tls,
}

/// Why there is no connection. Nothing was sent.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("the URL has no host")]
    Host,
    #[error("no connection within {HTTP_CONNECT_TIMEOUT:?}")]
    Late,
    /// Its call has another one, and there is no place for this one.
    #[error("no call waits for the connection")]
    Unasked,
    #[error(transparent)]
    Dial(dial::Error),
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    #[error("TLS cannot be spoken as it is configured: {0}")]
    Settings(rustls::Error),
    /// No connection to the proxy itself.
    #[error("no connection to the proxy {proxy}: {error}")]
    Proxy { proxy: Arc<Proxy>, error: Box<Error> },
    /// The proxy answered, but did not connect.
    #[error("the proxy {proxy} {refusal}")]
    Refused { proxy: Arc<Proxy>, refusal: Refusal },
}

impl Error {
    /// Whether another attempt may get a connection.
    pub(crate) fn retryable(&self) -> bool {
        match self {
            Self::Host | Self::Settings(_) => false,
            Self::Late | Self::Unasked => true,
            Self::Dial(error) => error.retryable(),
            Self::Tls(error) => super::handshake::lasting(error).is_none(),
            Self::Proxy { error, .. } => error.retryable(),
            Self::Refused { refusal, .. } => refusal.retryable(),
        }
    }
}

impl Connector {
    /// The wait for a place, for as long as a call asks for the connection.
    async fn place(&self) -> Result<OpenConnection, Error> {
        let mut entering = pin!(self.connections.enter());
        poll_fn(|context| match Asking::current() {
            Some(asking) => match entering.as_mut().poll(context) {
                Poll::Ready(open) => {
                    asking.opens(open.name());
                    Poll::Ready(Ok(open))
                }
                Poll::Pending => {
                    asking.waits();
                    Poll::Pending
                }
            },
            None => Poll::Ready(Err(Error::Unasked)),
        })
        .await
    }

    async fn connect(&self, uri: &Uri) -> Result<Opened, Error> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().ok_or(Error::Host)?;
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let forwards = !secure && self.proxy.as_ref().is_some_and(|via| via.proxy.forwards());
        let stream = match &self.proxy {
            None => self.direct(host, port).await?,
            Some(via) => {
                let stream = self.reach(via).await.map_err(|error| via.unreached(error))?;
                if forwards { stream } else { via.tunnel(stream, host, port).await? }
            }
        };
        if !secure {
            return Ok(Opened { stream, forwards, h2: None });
        }
        let tls = self.contexts.config(self.context).map_err(Error::Settings)?;
        let stream = handshake(stream, tls, self.contexts.server_name(self.context), host).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            let stream = Box::new(Answering::new(Box::new(stream)));
            return Ok(Opened { stream, forwards: false, h2: None });
        }
        let (frames, ending) = Frames::new(Box::new(stream));
        Ok(Opened { stream: Box::new(frames), forwards: false, h2: Some(ending) })
    }

    async fn direct(&self, host: &str, port: u16) -> Result<Stream, Error> {
        let found = dial::look_up(host, port).await.map_err(Error::Dial)?;
        let permitted = self.policy.permitted(host, port, found);
        let permitted = permitted.map_err(|_| Error::Dial(dial::Error::Forbidden))?;
        let stream = dial(permitted, port).await.map_err(Error::Dial)?;
        Ok(Box::new(stream))
    }

    /// A stream to a proxy, whose address is configured by the operator and not judged.
    async fn reach(&self, via: &Via) -> Result<Stream, Error> {
        let Proxy { kind, host, port, .. } = &*via.proxy;
        let found = dial::look_up(host, *port).await.map_err(Error::Dial)?;
        let stream: Stream = Box::new(dial(found, *port).await.map_err(Error::Dial)?);
        match kind {
            Kind::Http | Kind::Socks5 => Ok(stream),
            Kind::Https => {
                let mut tls = (*self.contexts.config(via.context).map_err(Error::Settings)?).clone();
                // A proxy is addressed in HTTP/1.1.
                tls.alpn_protocols.clear();
                let name = self.contexts.server_name(via.context);
                Ok(Box::new(handshake(stream, Arc::new(tls), name, host).await?))
            }
        }
    }
}

impl Via {
    fn unreached(&self, error: Error) -> Error {
        Error::Proxy { proxy: self.proxy.clone(), error: Box::new(error) }
    }

    async fn tunnel(&self, mut stream: Stream, host: &str, port: u16) -> Result<Stream, Error> {
        let opened = match self.proxy.kind {
            Kind::Http | Kind::Https => tunnel::connect(&mut stream, &self.proxy, host, port).await,
            Kind::Socks5 => super::socks::connect(&mut stream, &self.proxy, host, port).await,
        };
        match opened {
            Ok(()) => Ok(stream),
            Err(refusal) => Err(Error::Refused { proxy: self.proxy.clone(), refusal }),
        }
    }
}

/// `connect`, unless no call asks for its connection any more, and another one needs the place.
async fn while_not_needed_elsewhere<F: Future>(
    connect: F,
    open: &OpenConnection,
) -> Result<F::Output, Error> {
    let mut connect = pin!(connect);
    poll_fn(|context| {
        if Asking::current().is_none() && open.gives_way(context.waker()) {
            return Poll::Ready(Err(Error::Unasked));
        }
        connect.as_mut().poll(context).map(Ok)
    })
    .await
}

async fn handshake(
    stream: Stream,
    tls: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
    host: &str,
) -> Result<tokio_rustls::client::TlsStream<Stream>, Error> {
    let name = match name {
        Some(name) => name,
        None => ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| Error::Host)?,
    };
    TlsConnector::from(tls).connect(name, stream).await.map_err(Error::Tls)
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            // Whoever waits for the connection limits this wait.
            let open = connector.place().await?;
            let connect = timeout(HTTP_CONNECT_TIMEOUT, connector.connect(&uri));
            let opened = while_not_needed_elsewhere(connect, &open).await?.map_err(|_| Error::Late)??;
            Ok(Connection::new(opened, open))
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("policy", &self.policy).finish_non_exhaustive()
    }
}
