//! The firewall: blocks of addresses, domains and URLs. It has no idempotency of its own to rely on in real
//! life, so the examples call it at most once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::dispatcher::{Dispatcher, Said, text};
use super::faults::{FaultProfile, hash};

pub(super) fn router() -> Router<Arc<Dispatcher>> {
    Router::new().route("/firewall/blocks", post(block))
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
