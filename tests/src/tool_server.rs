//! A security tool behind HTTP that writes down, before it answers, who asked it to do what under which key. It sends
//! the first request of some steps away, and then does nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use updraft::TaskId;

/// Something that the tool did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolAct {
    /// For whom, as the playbook told it.
    pub tenant: String,
    /// For which step, as the playbook told it.
    pub step: String,
    /// Under which key.
    pub key: TaskId,
}

/// The server, on a port of its own.
pub struct ToolServer {
    address: SocketAddr,
    book: Arc<Book>,
}

/// The steps of which it sends the first request under each key away.
const BUSY_FOR: [&str; 2] = ["left2", "last"];

struct Book {
    acts: Mutex<Vec<ToolAct>>,
    /// The keys that it sent away.
    sent_away: Mutex<BTreeSet<TaskId>>,
    written: watch::Sender<usize>,
}

impl ToolServer {
    /// Starts it on the runtime that asks.
    pub async fn start() -> Self {
        let book = Arc::new(Book {
            acts: Mutex::default(),
            sent_away: Mutex::default(),
            written: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/act/{tenant}/{step}", post(act)).with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, book }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that it did, in order.
    pub fn acts(&self) -> Vec<ToolAct> {
        self.book.acts.lock().unwrap().clone()
    }

    /// How much it did.
    pub fn count(&self) -> usize {
        *self.book.written.borrow()
    }

    /// Waits until it has done so much in all.
    pub async fn reached(&self, acts: usize) {
        // The sender lives as long as the server.
        let _ = self.book.written.subscribe().wait_for(|written| *written >= acts).await;
    }
}

async fn act(
    State(book): State<Arc<Book>>,
    Path((tenant, step)): Path<(String, String)>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()?.parse().ok());
    let Some(key) = key else { return (StatusCode::BAD_REQUEST, Json(json!({ "error": "no key" }))) };
    if BUSY_FOR.contains(&step.as_str()) && book.sent_away.lock().unwrap().insert(key) {
        // Not 429, for which every call of the tenant would leave the tool alone.
        return (StatusCode::TOO_EARLY, Json(json!({ "error": "busy" })));
    }
    book.acts.lock().unwrap().push(ToolAct { tenant, step, key });
    book.written.send_modify(|written| *written += 1);
    (StatusCode::OK, Json(json!({ "done": true })))
}
