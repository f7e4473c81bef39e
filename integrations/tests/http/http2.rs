//! HTTP/2: one connection for many requests, and requests that a server did not process.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::frames::{ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, PING, Peer, REFUSED_STREAM};
use crate::secure::{Authority, BOTH, Clients, Secure, config};
use crate::server::{attempt, request};
use futures_util::future::join_all;
use serde_json::{Value, json};
use updraft_integrations::HttpIntegration;
use updraft_protocol::limits::{
    HTTP2_HEADERS_BYTES, HTTP2_PING, HTTP2_PING_TIMEOUT, HTTP2_STREAM_WINDOW_BYTES,
};
use updraft_protocol::{Failure, FailureKind};

const LATE: Duration = Duration::from_secs(600);

/// A server that handles each connection with `handle`, an integration that trusts it, and a write for it.
pub(crate) async fn serve<F, Fut>(handle: F) -> (Secure, HttpIntegration, Value)
where
    F: Fn(Peer) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let config = config(&authority.identity("localhost"), BOTH, &Clients::Anyone, "h2");
    let server = Secure::start(config, move |stream| {
        let handle = handle.clone();
        async move { handle(Peer::greet(stream).await).await }
    })
    .await;
    let http = HttpIntegration::builder().allow(server.addr.to_string().parse().unwrap());
    let http = http.trust(authority.pem().as_bytes()).unwrap().build().unwrap();
    let arguments =
        json!({"method": "POST", "url": format!("https://localhost:{}/", server.port()), "json": 1});
    (server, http, arguments)
}

async fn answers(mut peer: Peer) {
    while let Some(stream) = peer.request().await {
        peer.answer(stream, "204").await;
    }
}

#[tokio::test]
async fn many_requests_share_a_connection_and_each_says_that_it_is_sent() {
    let (server, http, arguments) = serve(answers).await;
    request(&http, arguments.clone()).await.unwrap();
    let attempts = join_all((0..30).map(|_| attempt(&http, arguments.clone(), LATE))).await;
    for (answer, begun) in attempts {
        assert_eq!((answer.is_ok(), begun), (true, 1));
    }
    assert_eq!(server.served(), 1);
}

#[tokio::test]
async fn a_server_is_told_how_much_it_may_send() {
    let (told, mut tell) = tokio::sync::mpsc::channel(1);
    let (_server, http, arguments) = serve(move |mut peer: Peer| {
        let told = told.clone();
        async move {
            let stream = peer.request().await.unwrap();
            told.send(peer.settings.clone()).await.unwrap();
            peer.answer(stream, "204").await;
        }
    })
    .await;
    request(&http, arguments).await.unwrap();
    let settings = tell.recv().await.unwrap();
    let (push, window, headers) = (2, 4, 6);
    for setting in [(push, 0), (window, HTTP2_STREAM_WINDOW_BYTES), (headers, HTTP2_HEADERS_BYTES)] {
        assert!(settings.contains(&setting), "{setting:?} is not among {settings:?}");
    }
}

/// The failure of a request whose connection is handled so.
async fn ends<F, Fut>(handle: F) -> Failure
where
    F: Fn(Peer, u32) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (_server, http, arguments) = serve(move |mut peer| {
        let handle = handle.clone();
        async move {
            let stream = peer.request().await.unwrap();
            handle(peer, stream).await;
        }
    })
    .await;
    let (answer, begun) = attempt(&http, arguments, LATE).await;
    assert_eq!(begun, 1);
    answer.unwrap_err()
}

#[tokio::test]
async fn a_request_that_the_server_did_not_take_has_not_acted() {
    let refused = ends(|mut peer, stream| async move {
        peer.reset(stream, REFUSED_STREAM).await;
        peer.until_closed().await;
    });
    let leaving = ends(|mut peer, _| async move {
        peer.leave(0, NO_ERROR).await;
        peer.until_closed().await;
    });
    for failure in [refused.await, leaving.await] {
        assert_eq!((failure.kind, failure.retryable()), (FailureKind::Unreachable, true), "{failure}");
        assert!(!failure.may_have_acted(), "{failure}");
    }
}

#[tokio::test]
async fn a_request_that_the_server_may_have_begun_may_have_acted() {
    let reset = ends(|mut peer, stream| async move {
        peer.reset(stream, INTERNAL_ERROR).await;
        peer.until_closed().await;
    });
    let taken = ends(|mut peer, stream| async move { peer.leave(stream, NO_ERROR).await });
    let angry = ends(|mut peer, _| async move {
        peer.leave(0, ENHANCE_YOUR_CALM).await;
        peer.until_closed().await;
    });
    let gone = ends(|_, _| async {});
    for failure in [reset.await, taken.await, angry.await, gone.await] {
        assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Interrupted, true), "{failure}");
    }
}

#[tokio::test]
async fn who_waits_for_a_stream_has_not_sent_but_for_who_is_next() {
    let (told, mut tell) = tokio::sync::mpsc::channel(8);
    let (_server, http, arguments) = serve(move |mut peer: Peer| {
        let told = told.clone();
        async move {
            peer.request().await.unwrap();
            peer.take_one_at_once().await;
            told.send("held").await.unwrap();
            while peer.request().await.is_some() {
                told.send("another").await.unwrap();
            }
        }
    })
    .await;
    let held = attempt(&http, arguments.clone(), LATE);
    let waiting = async {
        assert_eq!(tell.recv().await, Some("held"));
        let soon = Duration::from_millis(50);
        let waiting = (0..3).map(|_| attempt(&http, arguments.clone(), soon));
        join_all(waiting).await
    };
    let ended = tokio::select! {
        answer = held => panic!("{answer:?}"),
        ended = waiting => ended,
    };
    let (next, others): (Vec<_>, Vec<_>) = ended.into_iter().partition(|(_, begun)| *begun > 0);
    assert_eq!((next.len(), others.len()), (1, 2));
    assert_eq!(next[0].0.as_ref().unwrap_err().kind, FailureKind::Timeout);
    for (answer, _) in others {
        let failure = answer.unwrap_err();
        assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Unreachable, false), "{failure}");
    }
    assert!(tell.try_recv().is_err(), "a request that waits reached the server");
}

#[tokio::test]
async fn a_server_that_leaves_ends_what_it_took_and_the_next_request_has_another_connection() {
    let (server, http, arguments) = serve(|mut peer: Peer| async move {
        let stream = peer.request().await.unwrap();
        peer.leave(stream, NO_ERROR).await;
        peer.answer(stream, "204").await;
        peer.until_closed().await;
    })
    .await;
    for connections in 1..=3 {
        request(&http, arguments.clone()).await.unwrap();
        assert_eq!(server.served(), connections);
    }
}

#[tokio::test]
async fn a_connection_that_is_dead_is_noticed() {
    let pings = Arc::new(AtomicUsize::new(0));
    let counted = pings.clone();
    let (_server, http, arguments) = serve(move |mut peer: Peer| {
        let counted = counted.clone();
        async move {
            while let Some((kind, ..)) = peer.next().await {
                counted.fetch_add(usize::from(kind == PING), Ordering::SeqCst);
            }
        }
    })
    .await;
    let attempt = attempt(&http, arguments, LATE);
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let failure = attempt.await.0.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Interrupted, true), "{failure}");
    assert!(began.elapsed() <= 2 * (HTTP2_PING + HTTP2_PING_TIMEOUT), "{:?}", began.elapsed());
    assert!(pings.load(Ordering::SeqCst) > 0);
}
