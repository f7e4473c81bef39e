//! A server for a router: HTTP/1, where a client that is slow to say what it wants loses its connection, and only so many have one.
//! Ends when it is told to, and lets requests under way be answered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use updraft::limits::{SERVED_CONNECTIONS, WEBHOOK_READ};

/// How long the listener rests when the system gives it no connection: it may lack files.
const REST: Duration = Duration::from_millis(100);

/// Serves a router until `stop` completes; then requests under way are answered, for at most `grace`. A listener that fails is tried
/// again.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
    let (stopping, stopped) = watch::channel(false);
    let places = Arc::new(Semaphore::new(SERVED_CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepting = async {
            let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        tokio::select! {
            () = &mut stop => break,
            accepted = accepting => match accepted {
                Ok((stream, place)) => {
                    let (router, stopped) = (router.clone(), stopped.clone());
                    connections.spawn(async move {
                        let _place = place;
                        connection(stream, router, stopped).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection is accepted");
                    tokio::time::sleep(REST).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let _ = tokio::time::timeout(grace, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection(stream: TcpStream, router: Router, mut stopped: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(WEBHOOK_READ);
    let serving = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // How a client leaves is no news.
        _ = &mut serving => return,
        _ = stopped.wait_for(|stopped| *stopped) => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}
