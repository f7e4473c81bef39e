//! Interim answers (1xx): some are skipped, a flood of them ends the connection.

use std::sync::Arc;
use std::time::Duration;

use crate::frames::Peer;
use crate::http2::serve;
use crate::server::{Server, attempt, read_head, request};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use updraft_protocol::limits::HTTP_INTERIM_ANSWERS;
use updraft_protocol::{Failure, FailureKind, Json};

const LATE: Duration = Duration::from_secs(600);
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";

fn flooded((answer, begun): (Result<Json, Failure>, usize)) {
    let failure = answer.unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::InvalidResponse, false), "{failure}");
    assert!(failure.may_have_acted() && begun == 1, "{failure}");
    assert!(failure.message.contains("interim answers"), "{failure}");
}

#[tokio::test]
async fn some_interim_answers_are_skipped() {
    let answer =
        format!("{}HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7", HINTS.repeat(HTTP_INTERIM_ANSWERS));
    let server = Server::bytes(answer).await;
    assert_eq!(request(&server.http(), json!({"url": server.url("/")})).await.unwrap()["body"], 7);
    let (_server, http, arguments) = serve(|mut peer: Peer| async move {
        let stream = peer.request().await.unwrap();
        for _ in 0..HTTP_INTERIM_ANSWERS {
            peer.answer(stream, "103").await;
        }
        peer.answer(stream, "204").await;
        peer.until_closed().await;
    })
    .await;
    assert_eq!(request(&http, arguments).await.unwrap()["status"], 204);
}

#[tokio::test]
async fn a_flood_of_interim_answers_ends_the_connection() {
    let closed = Arc::new(Notify::new());
    let told = closed.clone();
    let server = Server::raw(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            while stream.write_all(HINTS.as_bytes()).await.is_ok() {}
            told.notify_one();
        }
    })
    .await;
    flooded(attempt(&server.http(), json!({"method": "POST", "url": server.url("/")}), LATE).await);
    closed.notified().await;
}

#[tokio::test]
async fn interim_answers_that_come_one_by_one_are_a_flood_too() {
    let server = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        for _ in 0..=HTTP_INTERIM_ANSWERS {
            stream.write_all(HINTS.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    flooded(attempt(&server.http(), json!({"method": "POST", "url": server.url("/")}), LATE).await);
}

#[tokio::test]
async fn a_flood_of_interim_answers_ends_a_connection_of_http_2() {
    let closed = Arc::new(Notify::new());
    let told = closed.clone();
    let (_server, http, arguments) = serve(move |mut peer: Peer| {
        let told = told.clone();
        async move {
            let stream = peer.request().await.unwrap();
            while peer.answer(stream, "103").await {}
            told.notify_one();
        }
    })
    .await;
    flooded(attempt(&http, arguments, LATE).await);
    closed.notified().await;
}
