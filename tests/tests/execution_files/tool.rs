//! The tool of these tests: exports that are whole, endless, broken or late, pages, and what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What was sent to the tool: the type and the bytes of each body.
pub(crate) type Sent = Arc<Mutex<Vec<(String, Bytes)>>>;

/// The items of the export.
pub(crate) const ITEMS: usize = 2_500;

/// The export: a list of items, with a secret in each.
pub(crate) fn export() -> String {
    let item = |n: usize| json!({"n": n, "text": "x".repeat(600), "token": "the-token-of-acme"});
    serde_json::to_string_pretty(&(0..ITEMS).map(item).collect::<Vec<_>>()).unwrap()
}

async fn items() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], export()).into_response()
}

/// More than a file may have, as fast as it is taken.
async fn endless() -> Response {
    let blocks =
        futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'.'; 1 << 20])));
    Body::from_stream(blocks).into_response()
}

/// Does not end the first time that it is asked.
async fn stalled(State(sent): State<Sent>) -> Response {
    let mut sent = sent.lock().unwrap();
    sent.push((String::new(), Bytes::new()));
    if sent.len() > 1 {
        return ([(header::CONTENT_TYPE, "application/json")], export()).into_response();
    }
    let begin = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'.'; 3 << 20]))]);
    let stream = futures_util::StreamExt::chain(begin, futures_util::stream::pending());
    Body::from_stream(stream).into_response()
}

/// Breaks off in the middle.
async fn broken() -> Response {
    let blocks = [Ok(Bytes::from(vec![b'.'; 2 << 20])), Err(std::io::Error::other("broken"))];
    Body::from_stream(futures_util::stream::iter(blocks)).into_response()
}

async fn take(State(sent): State<Sent>, headers: HeaderMap, request: Request) -> &'static str {
    let body = to_bytes(request.into_body(), 64 << 20).await.unwrap();
    sent.lock().unwrap().push((headers["content-type"].to_str().unwrap().to_owned(), body));
    "null"
}

/// Takes no more than the third that is sent to it.
async fn picky(State(sent): State<Sent>, body: Bytes) -> Response {
    let mut sent = sent.lock().unwrap();
    sent.push((String::new(), body));
    let status = if sent.len() < 3 { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    (status, "null").into_response()
}

async fn page(Query(query): Query<std::collections::BTreeMap<String, usize>>) -> axum::Json<Value> {
    let page = query.get("page").copied().unwrap_or_default();
    let item = |n: usize| json!({"n": page * 10 + n, "text": "a\nb"});
    let items: Vec<Value> = if page < 4 { (0..10).map(item).collect() } else { Vec::new() };
    axum::Json(json!({ "data": items }))
}

/// The tool, at an address of its own.
pub(crate) async fn tool() -> (SocketAddr, Sent) {
    let sent = Sent::default();
    let routes = Router::new()
        .route("/export", get(items))
        .route("/endless", get(endless))
        .route("/broken", get(broken))
        .route("/stalled", get(stalled))
        .route("/pages", get(page))
        .route("/take", post(take))
        .route("/picky", post(picky))
        .with_state(sent.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, sent)
}
