//! Dialling: from a name to its addresses, and from them to a connection of TCP. Judges nothing; the caller decides
//! which addresses may be used.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tokio::net::TcpStream;
use tower_service::Service;
use updraft_protocol::limits::HTTP_CONNECT_TIMEOUT;

use super::cause::cause;

/// How often the system probes a silent connection.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("the name was not found")]
    Unknown,
    /// Every address of the name is forbidden by the policy.
    #[error("the name leads to no allowed address")]
    Forbidden,
    #[error("no connection: {0}")]
    Broken(io::Error),
}

impl Error {
    /// Whether another attempt may get a connection.
    pub(crate) fn retryable(&self) -> bool {
        !matches!(self, Self::Forbidden)
    }
}

/// The addresses of a host, which may itself be an address.
pub(crate) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let host = host.trim_matches(['[', ']']);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found: Vec<_> = tokio::net::lookup_host((host, port)).await.map_err(|_| Error::Unknown)?.collect();
    if found.is_empty() { Err(Error::Unknown) } else { Ok(found) }
}

/// A connection to one of these addresses, the first that answers.
pub(crate) async fn dial(addresses: Vec<SocketAddr>, port: u16) -> Result<TcpStream, Error> {
    let mut connector = HttpConnector::new_with_resolver(Found(addresses));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_connect_timeout(Some(HTTP_CONNECT_TIMEOUT));
    // A name, so that the given addresses are used.
    let uri = Uri::builder().scheme("http").authority(format!("found:{port}")).path_and_query("/").build();
    let uri = uri.map_err(|error| Error::Broken(io::Error::other(error)))?;
    match connector.call(uri).await {
        Ok(stream) => Ok(stream.into_inner()),
        Err(error) => Err(Error::Broken(match cause::<io::Error>(&error) {
            Some(error) => {
                // The error of the system, without hyper's wrapping.
                error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
            }
            None => io::ErrorKind::NotConnected.into(),
        })),
    }
}

/// The addresses, as the answer to any name.
#[derive(Debug, Clone)]
struct Found(Vec<SocketAddr>);

impl Service<Name> for Found {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(std::mem::take(&mut self.0).into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_of_several_addresses_is_enough() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The first has no listener: the second is tried.
        let addresses = vec![SocketAddr::new("127.0.0.2".parse().unwrap(), 0), address];
        let stream = dial(addresses, address.port()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn an_address_is_its_own_and_a_name_without_one_is_unknown() {
        let port = 1;
        assert_eq!(look_up("[::1]", port).await.unwrap(), ["[::1]:1".parse().unwrap()]);
        assert!(matches!(look_up("nobody.invalid", port).await, Err(Error::Unknown)));
    }

    #[tokio::test]
    async fn nobody_at_an_address_is_said_as_the_system_says_it() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = dial(vec![address], address.port()).await.unwrap_err();
        assert!(error.to_string().starts_with("no connection: Connection refused"), "{error}");
    }
}
