//! Stand-ins for the security tools of the examples: one real HTTP server with a path for each tool. They
//! are slow and fail now and then, as tools do, and act once for each idempotency key. They act on nothing.

mod directory;
mod dispatcher;
mod edr;
mod faults;
mod firewall;
mod idempotency;
mod mail;
mod reputation;
mod tickets;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::dispatcher::Dispatcher;

/// The largest request that a tool takes.
const REQUEST_BYTES: usize = 256 << 10;

/// The running tools.
pub(crate) struct Stubs {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Stubs {
    /// Starts the tools at `addr`; port 0 takes any port that is free.
    pub(crate) async fn start(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, router()).with_graceful_shutdown(async move {
            // A handle that was dropped stops the tools as well.
            let _ = stopped.await;
        });
        Ok(Self { addr, stop, server: tokio::spawn(server.into_future()) })
    }

    /// Where the tools listen.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers the requests under way and takes no more.
    pub(crate) async fn stop(self) -> io::Result<()> {
        // A server that ended already has nobody to be told.
        let _ = self.stop.send(());
        self.server.await.map_err(io::Error::other)?
    }
}

fn router() -> Router {
    Router::new()
        .merge(reputation::router())
        .merge(mail::router())
        .merge(directory::router())
        .merge(firewall::router())
        .merge(edr::router())
        .merge(tickets::router())
        .route("/acts", get(dispatcher::acts))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .with_state(Arc::new(Dispatcher::default()))
}

#[cfg(test)]
#[path = "stubs/tests.rs"]
mod tests;
