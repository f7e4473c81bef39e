//! `Client`: sends one request over a connection of its pool, and counts the interim answers before the answer. Judges
//! no answer and has no time limit of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::ext::on_informational;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use thiserror::Error;
use tokio::sync::Notify;
use updraft_protocol::limits::HTTP_INTERIM_ANSWERS;

use super::asking::Asking;
use super::connect::Connector;
use super::connection::{Ended, Ending};
use super::handover::Handed;
use super::open::{ConnectionName, InUse};
use super::proxy::Proxy;
use secrecy::ExposeSecret;

/// Our `User-Agent`.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("updraft/", env!("CARGO_PKG_VERSION")));

/// Sends requests to the hosts of one pool.
#[derive(Clone)]
pub(crate) struct Client {
    pool: legacy::Client<Connector, Handed>,
    proxy: Option<Arc<Proxy>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Pool(#[from] legacy::Error),
    #[error("more than {HTTP_INTERIM_ANSWERS} interim answers")]
    Flood,
    #[error("{0}")]
    Refused(String),
}

impl Client {
    pub(crate) fn new(pool: legacy::Client<Connector, Handed>, proxy: Option<Arc<Proxy>>) -> Self {
        Self { pool, proxy }
    }

    /// The proxy that reads the requests to this host itself, if there is one.
    pub(crate) fn forwarder(&self, uri: &Uri) -> Option<&Arc<Proxy>> {
        self.proxy.as_ref().filter(|proxy| proxy.forwards() && uri.scheme_str() == Some("http"))
    }

    /// The credentials for a proxy only: user and password.
    pub(crate) fn credentials(&self) -> Option<(&str, &str)> {
        let credentials = self.proxy.as_ref()?.credentials.as_ref()?;
        Some((&credentials.user, credentials.password.expose_secret()))
    }

    /// The answer to a request, once its head was received, and the use of its connection, which is held until the answer is
    /// read. Dropping the future closes a connection of HTTP/1, and ends the stream of one of HTTP/2.
    pub(crate) async fn execute(
        &self,
        mut request: Request<Handed>,
        asking: &Arc<Asking>,
    ) -> Result<(Response<Incoming>, Option<InUse>), Error> {
        let authorization = self.forwarder(request.uri()).and_then(|proxy| proxy.authorization());
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert(AGENT);
        headers.extend(authorization.map(|value| (PROXY_AUTHORIZATION, value)));
        let flooded = count_interim(&mut request);
        let chosen = capture_connection(&mut request);
        let mut answer = std::pin::pin!(asking.clone().during(self.pool.request(request)));
        let mut in_use = None;
        // Before the task of the connection has the request, which runs on the same thread.
        let answer = poll_fn(|context| {
            let polled = answer.as_mut().poll(context);
            if use_of(&chosen, &mut in_use) {
                asking.has_one();
            }
            polled
        });
        let answer = tokio::select! {
            biased;
            () = flooded.notified() => return Err(Error::Flood),
            answer = answer => answer.map_err(|error| {
                match ended(&error) {
                    Some(Ended::Flood) => Error::Flood,
                    Some(Ended::Refused(message)) => Error::Refused(message),
                    None => Error::Pool(error),
                }
            })?,
        };
        Ok((answer, in_use))
    }
}

/// Counts the request on the connection that was chosen for it; another one if it is sent again. Returns whether one was.
fn use_of(chosen: &CaptureConnection, in_use: &mut Option<InUse>) -> bool {
    let mut extras = http::Extensions::new();
    match &*chosen.connection_metadata() {
        Some(connected) => connected.get_extras(&mut extras),
        None => return false,
    }
    let name = extras.get::<ConnectionName>();
    let name = name.filter(|name| !in_use.as_ref().is_some_and(|in_use| in_use.is_of(name)));
    let Some(name) = name else { return false };
    *in_use = Some(name.used());
    true
}

/// Notifies if there are more interim answers of HTTP/1 than allowed: hyper skips them without a bound.
fn count_interim(request: &mut Request<Handed>) -> Arc<Notify> {
    let (count, flooded) = (AtomicUsize::new(0), Arc::new(Notify::new()));
    let tell = flooded.clone();
    on_informational(request, move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == HTTP_INTERIM_ANSWERS {
            tell.notify_one();
        }
    });
    flooded
}

/// Why the connection of HTTP/2 ended, if the error tells.
fn ended(error: &legacy::Error) -> Option<Ended> {
    let mut extras = http::Extensions::new();
    error.connect_info()?.get_extras(&mut extras);
    extras.get::<Ending>()?.0.get().cloned()
}
