//! The tool over HTTP: a real server on the loopback, on a thread of its own so that its CPU can be told
//! apart.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::stress::tool::Fate;

/// The name of its thread.
pub(crate) const THREAD: &str = "stress-tools";

/// The running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves at a port that is free.
    pub(crate) async fn start(fate: Fate) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().route("/act", post(act)).with_state(Arc::new(fate));
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    _ = axum::serve(listener, router).into_future() => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { addr, _stop: stop })
    }
}

async fn act(State(fate): State<Arc<Fate>>) -> (StatusCode, &'static str) {
    if fate.meet().await { (StatusCode::OK, "{}") } else { (StatusCode::SERVICE_UNAVAILABLE, "") }
}
