//! Endpoint protection: takes hosts off the network and puts them back, saves what is on them, and keeps files from running.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::dispatcher::{Dispatcher, Said, text};
use super::faults::{FaultProfile, hash};

pub(super) fn router() -> Router<Arc<Dispatcher>> {
    Router::new()
        .route("/edr/hosts/{host}", get(host))
        .route("/edr/hosts/{host}/isolate", post(isolate))
        .route("/edr/hosts/{host}/release", post(release))
        .route("/edr/hosts/{host}/snapshot", post(snapshot))
        .route("/edr/hashes", post(block_hash))
}

async fn host(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || {
        let number = hash(&(&name, "host"));
        let body = json!({
            "host": name,
            "os": if name.starts_with("SRV") { "Windows Server 2022" } else { "Windows 11 23H2" },
            "agent": format!("7.{}.{}", number % 20, number % 97),
            "online": true,
        });
        Ok((StatusCode::OK, body))
    };
    dispatcher.look("edr.host", FaultProfile::Steady, &headers, &name, answer).await
}

async fn isolate(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || {
        let action = format!("iso-{:08x}", hash(&name) as u32);
        Ok((StatusCode::OK, json!({ "host": name, "action_id": action, "state": "isolated" })))
    };
    dispatcher.act("edr.isolate", FaultProfile::Steady, &headers, answer).await
}

async fn release(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || Ok((StatusCode::OK, json!({ "host": name, "state": "released" })));
    dispatcher.act("edr.release", FaultProfile::Steady, &headers, answer).await
}

async fn snapshot(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || {
        let number = hash(&(&name, "snapshot"));
        let body = json!({
            "host": name,
            "snapshot_id": format!("snap-{:012x}", number & 0xffff_ffff_ffff),
            "gigabytes": 16 + number % 48,
            "state": "stored",
        });
        Ok((StatusCode::CREATED, body))
    };
    dispatcher.act("edr.snapshot", FaultProfile::Steady, &headers, answer).await
}

async fn block_hash(
    State(dispatcher): State<Arc<Dispatcher>>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Response {
    dispatcher.act("edr.block_hash", FaultProfile::Steady, &headers, || hash_blocked(&body)).await
}

fn hash_blocked(body: &Map<String, Value>) -> Said {
    let sha256 = text(body, "sha256")?;
    let policies = ["servers", "workstations"];
    Ok((StatusCode::CREATED, json!({ "sha256": sha256, "state": "blocked", "policies": policies })))
}
