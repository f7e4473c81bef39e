//! The directory: who a user is, and the end of what a thief could use.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use super::dispatcher::{Dispatcher, Refusal, Said};
use super::faults::{FaultProfile, hash};

const DEPARTMENTS: [&str; 6] = ["Finance", "Human Resources", "Legal", "Logistics", "Research", "Sales"];

pub(super) fn router() -> Router<Arc<Dispatcher>> {
    Router::new()
        .route("/directory/users/{user}", get(user))
        .route("/directory/users/{user}/revoke-sessions", post(revoke_sessions))
        .route("/directory/users/{user}/disable", post(disable))
}

async fn user(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(mail): Path<String>,
    headers: HeaderMap,
) -> Response {
    dispatcher.look("directory.user", FaultProfile::Steady, &headers, &mail, || described(&mail)).await
}

async fn revoke_sessions(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || {
        let revoked = 1 + hash(&(&id, "sessions")) % 5;
        Ok((StatusCode::OK, json!({ "id": id, "revoked": revoked })))
    };
    dispatcher.act("directory.revoke_sessions", FaultProfile::Steady, &headers, answer).await
}

async fn disable(
    State(dispatcher): State<Arc<Dispatcher>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = || Ok((StatusCode::OK, json!({ "id": id, "enabled": false })));
    dispatcher.act("directory.disable", FaultProfile::Steady, &headers, answer).await
}

fn described(mail: &str) -> Said {
    let Some((name, domain)) = mail.split_once('@') else { return Err(Refusal::unknown("the user")) };
    let number = hash(&mail);
    let name: Vec<_> = name.split('.').map(capitalised).collect();
    Ok((
        StatusCode::OK,
        json!({
            "id": format!("u-{:05}", number % 100_000),
            "mail": mail,
            "name": name.join(" "),
            "department": DEPARTMENTS[(number % 6) as usize],
            "privileged": number.is_multiple_of(9),
            "mfa": if number.is_multiple_of(5) { "sms" } else { "authenticator" },
            "manager": format!("head.of.{}@{domain}", number % 6),
            "enabled": true,
        }),
    ))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
