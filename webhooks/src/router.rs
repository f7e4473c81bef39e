//! The routes: `POST /hooks/TENANT/TRIGGER`. Bounds what a request may be before the engine sees it, and writes the answer. Logs no
//! body and no header.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;
use tokio::time::timeout;
use updraft::limits::{WEBHOOK_BYTES, WEBHOOK_HEADERS, WEBHOOK_READ};
use updraft::{WebhookAnswer, WebhookRequest, Webhooks};

use crate::places::Places;

/// How long a sender waits that came while too many were there.
const BUSY: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Mounted {
    webhooks: Webhooks,
    places: Places,
}

/// The routes of an engine's webhooks.
pub fn router(webhooks: Webhooks) -> Router {
    let mounted = Mounted { webhooks, places: Places::default() };
    Router::new().route("/hooks/{tenant}/{trigger}", post(receive)).with_state(mounted)
}

async fn receive(
    State(mounted): State<Mounted>,
    Path((tenant, trigger)): Path<(String, String)>,
    request: Request,
) -> Response {
    // Who knows no webhook takes no place while its body comes.
    if let Err(answered) = mounted.webhooks.find(&tenant, &trigger) {
        return answer(answered);
    }
    let Some(_place) = mounted.places.enter(&tenant) else {
        return again(StatusCode::TOO_MANY_REQUESTS, BUSY);
    };
    let (parts, body) = request.into_parts();
    let headers = match headers(&parts.headers) {
        Ok(headers) => headers,
        Err(status) => return status.into_response(),
    };
    let body = match timeout(WEBHOOK_READ, whole(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    answer(mounted.webhooks.receive(&tenant, &trigger, WebhookRequest { headers, body }).await)
}

/// The headers, as many as are looked at. One that is no text is kept as one: it must not hide that there are two.
fn headers(all: &HeaderMap) -> Result<Vec<(String, String)>, StatusCode> {
    if all.len() > WEBHOOK_HEADERS {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(all.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

async fn whole(body: Body) -> Result<Arc<[u8]>, StatusCode> {
    match Limited::new(body, WEBHOOK_BYTES).collect().await {
        Ok(whole) => Ok(whole.to_bytes().as_ref().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

fn answer(answer: WebhookAnswer) -> Response {
    match answer {
        WebhookAnswer::Accepted(peid) => json_of(StatusCode::ACCEPTED, &json!({ "peid": peid })),
        WebhookAnswer::LeftOut => json_of(StatusCode::ACCEPTED, &json!({ "peid": null })),
        WebhookAnswer::Unknown => StatusCode::NOT_FOUND.into_response(),
        WebhookAnswer::Unsigned => StatusCode::UNAUTHORIZED.into_response(),
        WebhookAnswer::Invalid(why) => json_of(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "error": why })),
        WebhookAnswer::Again(after) => again(StatusCode::TOO_MANY_REQUESTS, after),
        WebhookAnswer::Unavailable => again(StatusCode::SERVICE_UNAVAILABLE, BUSY),
    }
}

fn json_of(status: StatusCode, value: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn again(status: StatusCode, after: Duration) -> Response {
    // Whole seconds, and never none.
    let seconds = after.as_millis().div_ceil(1_000).max(1);
    (status, [(RETRY_AFTER, seconds.to_string())]).into_response()
}
