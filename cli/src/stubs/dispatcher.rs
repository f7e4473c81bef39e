//! The dispatcher: every request to any tool passes through it. Owns latency, faults, and the one act for each
//! idempotency key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::faults::{Fault, FaultProfile, latency};
use super::idempotency::KeyMemory;

/// The longest text of a request that an answer repeats.
const TEXT_CHARS: usize = 256;
/// The longest idempotency key.
const KEY_CHARS: usize = 128;

/// The state of all tools.
#[derive(Default)]
pub(super) struct Dispatcher(Mutex<Records>);

#[derive(Default)]
struct Records {
    memory: KeyMemory,
    requests: u64,
    troubles: u64,
    replays: u64,
    acts: BTreeMap<&'static str, u64>,
}

/// What a tool says to a request.
pub(super) type Said = Result<(StatusCode, Value), Refusal>;

/// A request that makes no sense to a tool.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(StatusCode, String);

impl Refusal {
    /// There is no such thing.
    pub(super) fn unknown(what: impl std::fmt::Display) -> Self {
        Self(StatusCode::NOT_FOUND, format!("{what} is not known"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl Dispatcher {
    /// Answers a question. It changes nothing, so a question without a key is welcome too.
    pub(super) async fn look(
        &self,
        tool: &'static str,
        profile: FaultProfile,
        headers: &HeaderMap,
        about: &str,
        answer: impl FnOnce() -> Said,
    ) -> Response {
        let key = key(headers).unwrap_or(about);
        self.handle(tool, profile, key, answer).await.1
    }

    /// Does what is asked, once for each idempotency key.
    pub(super) async fn act(
        &self,
        tool: &'static str,
        profile: FaultProfile,
        headers: &HeaderMap,
        answer: impl FnOnce() -> Said,
    ) -> Response {
        let Some(key) = key(headers) else {
            let needed = "the header Idempotency-Key is needed".to_owned();
            return Refusal(StatusCode::BAD_REQUEST, needed).into_response();
        };
        let (acted, response) = self.handle(tool, profile, key, answer).await;
        if acted {
            let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *records.acts.entry(tool).or_default() += 1;
        }
        response
    }

    /// The answer, and whether it was found anew rather than remembered.
    async fn handle(
        &self,
        tool: &'static str,
        profile: FaultProfile,
        key: &str,
        answer: impl FnOnce() -> Said,
    ) -> (bool, Response) {
        let attempts = {
            let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            records.requests += 1;
            records.memory.attempt(tool, key).attempts
        };
        tokio::time::sleep(latency(tool, key, attempts)).await;
        let fault = if attempts == 1 { profile.fault(tool, key) } else { Fault::None };
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.troubles += u64::from(fault != Fault::None);
        match fault {
            Fault::Busy => return (false, busy()),
            Fault::Limited(seconds) => return (false, limited(seconds)),
            Fault::None | Fault::Forgotten => {}
        }
        let known = records.memory.known(tool, key);
        if let Some((status, body)) = known.and_then(|known| known.answer.clone()) {
            records.replays += 1;
            return (false, (status, [("idempotent-replayed", "true")], Json(body)).into_response());
        }
        let said = answer();
        if let (Ok(said), Some(known)) = (&said, records.memory.known(tool, key)) {
            known.answer = Some(said.clone());
        }
        let acted = said.is_ok();
        let response = match (said, fault) {
            (Ok(_), Fault::Forgotten) => forgotten(),
            (Ok((status, body)), _) => (status, Json(body)).into_response(),
            (Err(refusal), _) => refusal.into_response(),
        };
        (acted, response)
    }
}

/// What the tools were asked and what they did: `GET /acts`.
pub(super) async fn acts(State(dispatcher): State<Arc<Dispatcher>>) -> Json<Value> {
    let records = dispatcher.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({
        "requests": records.requests,
        "troubles": records.troubles,
        "replays": records.replays,
        "acts": records.acts,
    }))
}

fn key(headers: &HeaderMap) -> Option<&str> {
    let key = headers.get("idempotency-key")?.to_str().ok()?;
    (1..=KEY_CHARS).contains(&key.len()).then_some(key)
}

fn busy() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "overloaded, try again"}))).into_response()
}

fn limited(seconds: u8) -> Response {
    let after = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, after, Json(json!({"error": "too many requests"}))).into_response()
}

fn forgotten() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "internal error"}))).into_response()
}

/// A text that a request must have, as long as an answer may repeat it.
pub(super) fn text(body: &Map<String, Value>, field: &str) -> Result<String, Refusal> {
    match body.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.chars().take(TEXT_CHARS).collect()),
        _ => Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, format!("`{field}`: a text is needed"))),
    }
}

/// A list that a request must have.
pub(super) fn list<'a>(body: &'a Map<String, Value>, field: &str) -> Result<&'a [Value], Refusal> {
    match body.get(field) {
        Some(Value::Array(items)) if !items.is_empty() => Ok(items),
        _ => Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, format!("`{field}`: a list is needed"))),
    }
}
