//! The firewall: blocks of addresses, domains, URLs and files, and their end. It has no idempotency of its own to rely on in real
//! life, so the examples call it at most once.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::dispatcher::{Dispatcher, Said, text};
use super::faults::{FaultProfile, hash};

pub(super) fn router() -> Router<Arc<Dispatcher>> {
    Router::new().route("/firewall/blocks", post(block)).route("/firewall/blocks/{id}", delete(unblock))
}

async fn unblock(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || Ok((StatusCode::OK, json!({ "id": id, "state": "removed" })));
    dispatcher.act("firewall.unblock", FaultProfile::Sound, &headers, answer).await
}

async fn block(
    State(dispatcher): State<Arc<Dispatcher>>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Response {
    dispatcher.act("firewall.block", FaultProfile::Sound, &headers, || blocked(&body)).await
}

fn blocked(body: &Map<String, Value>) -> Said {
    let (kind, value) = (text(body, "kind")?, text(body, "value")?);
    let rule = format!("rule-{:06}", hash(&(&kind, &value)) % 1_000_000);
    Ok((
        StatusCode::CREATED,
        json!({
            "id": rule,
            "kind": kind,
            "value": value,
            "state": "enforced",
            "gateways": ["fra-edge-1", "fra-edge-2", "waw-edge-1"],
        }),
    ))
}
