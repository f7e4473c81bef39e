//! The ticket system: where people go on.

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
    Router::new().route("/tickets", post(open))
}

async fn open(
    State(dispatcher): State<Arc<Dispatcher>>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Response {
    dispatcher.act("tickets.open", FaultProfile::Steady, &headers, || opened(&body)).await
}

fn opened(body: &Map<String, Value>) -> Said {
    let (title, severity) = (text(body, "title")?, text(body, "severity")?);
    let number = 100_000 + hash(&(&title, body.get("alert_id").map(Value::to_string))) % 900_000;
    Ok((
        StatusCode::CREATED,
        json!({
            "id": format!("INC-{number}"),
            "url": format!("https://tickets.contoso.com/INC-{number}"),
            "title": title,
            "severity": severity,
            "queue": if severity == "critical" { "soc-l2" } else { "soc-l1" },
            "state": "open",
        }),
    ))
}
