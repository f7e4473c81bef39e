//! The mail gateway: finds a message in all mailboxes and takes it out of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::dispatcher::{Dispatcher, Said, list, text};
use super::faults::{FaultProfile, hash};

/// Whose mailboxes a message that went to many is found in, and the fewest of them.
const COLLEAGUES: [&str; 6] = [
    "ines.moreau@contoso.com",
    "jonas.lindqvist@contoso.com",
    "priya.raman@contoso.com",
    "amelie.brandt@contoso.com",
    "farid.haddad@contoso.com",
    "tomas.novak@contoso.com",
];
const FEWEST: u64 = 3;

pub(super) fn router() -> Router<Arc<Dispatcher>> {
    Router::new().route("/mail/search", post(search)).route("/mail/quarantine", post(quarantine))
}

async fn search(
    State(dispatcher): State<Arc<Dispatcher>>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Response {
    dispatcher.act("mail.search", FaultProfile::Steady, &headers, || found(&body)).await
}

async fn quarantine(
    State(dispatcher): State<Arc<Dispatcher>>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Response {
    dispatcher.act("mail.quarantine", FaultProfile::Steady, &headers, || quarantined(&body)).await
}

fn found(body: &Map<String, Value>) -> Said {
    let sender = text(body, "sender")?;
    let count = FEWEST + hash(&(&sender, "copies")) % (1 + COLLEAGUES.len() as u64 - FEWEST);
    let messages: Vec<_> = COLLEAGUES
        .iter()
        .zip(0..count)
        .map(|(mailbox, _)| {
            let id = hash(&(&sender, mailbox));
            json!({
                "id": format!("AAMk{id:016x}"),
                "mailbox": mailbox,
                "folder": if id.is_multiple_of(4) { "Archive" } else { "Inbox" },
                "read": id.is_multiple_of(3),
            })
        })
        .collect();
    Ok((StatusCode::OK, json!({ "sender": sender, "total": messages.len(), "messages": messages })))
}

fn quarantined(body: &Map<String, Value>) -> Said {
    let messages = list(body, "messages")?;
    let reason = text(body, "reason")?;
    let id = hash(&(messages.len(), messages.first().map(Value::to_string)));
    Ok((
        StatusCode::OK,
        json!({
            "id": format!("Q-{:08X}", id as u32),
            "quarantined": messages.len(),
            "reason": reason,
        }),
    ))
}
