//! A token server, and a tool that accepts its tokens.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{any, post};
use serde_json::{Value, json};
use tokio::sync::watch;
use updraft_integrations::HttpIntegration;
use url::form_urlencoded;

use crate::server::Server;

/// The state of the server and the tool.
#[derive(Clone, Default)]
pub(crate) struct Login {
    inner: Arc<Mutex<Inner>>,
    /// Whether the server delays its answers.
    held: watch::Sender<bool>,
    /// The number of requests for tokens.
    came: watch::Sender<usize>,
}

#[derive(Default)]
pub(crate) struct Inner {
    /// The forms that asked for a token.
    pub(crate) asked: Vec<String>,
    /// The tokens that the tool accepts.
    pub(crate) good: BTreeSet<String>,
    /// The answer instead of a token.
    pub(crate) refuses: Option<(u16, Value)>,
    /// Calls of the tool.
    pub(crate) called: usize,
    /// The only valid refresh token, if each works once.
    rotating: Option<String>,
    at_once: usize,
    pub(crate) most_at_once: usize,
}

impl Login {
    pub(crate) fn state(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// The refresh tokens that were sent, in order.
    pub(crate) fn refreshed(&self) -> Vec<String> {
        self.asked().iter().filter_map(|form| refresh_token(form)).collect()
    }

    /// From now on each refresh token works once, this one first. Reusing one invalidates all that followed it.
    pub(crate) fn rotates(&self, first: &str) {
        self.state().rotating = Some(first.to_owned());
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits for so many requests.
    pub(crate) async fn has_come(&self, number: usize) {
        self.came.subscribe().wait_for(|came| *came >= number).await.unwrap();
    }
}

/// The token server, the tool, and an integration that may reach both.
pub(crate) async fn begin() -> (Login, Server, HttpIntegration) {
    let login = Login::default();
    let router = Router::new().route("/token", post(give)).fallback(any(tool)).with_state(login.clone());
    let server = Server::start(router).await;
    let http = server.http();
    (login, server, http)
}

async fn give(
    State(login): State<Login>,
    headers: HeaderMap,
    form: String,
) -> (StatusCode, axum::Json<Value>) {
    let answer = login.answer(&headers, &form);
    login.came.send_modify(|came| *came += 1);
    login.held.subscribe().wait_for(|held| !held).await.unwrap();
    // Concurrent requests are detected.
    tokio::time::sleep(Duration::from_millis(20)).await;
    login.state().at_once -= 1;
    answer
}

impl Login {
    /// The server's answer, decided before it is sent: if it is lost, it cannot be repeated.
    fn answer(&self, headers: &HeaderMap, form: &str) -> (StatusCode, axum::Json<Value>) {
        let mut state = self.state();
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        let basic = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        state.asked.push(format!("{form} {}", basic.unwrap_or_default()));
        if let Some((status, answer)) = &state.refuses {
            return (StatusCode::from_u16(*status).unwrap(), axum::Json(answer.clone()));
        }
        let number = state.asked.len();
        let (access, refresh) = (format!("access-token-{number}"), format!("refresh-token-{number}"));
        if let (Some(given), Some(good)) = (refresh_token(form), &mut state.rotating) {
            let is_good = given == *good;
            *good = if is_good { refresh.clone() } else { String::new() };
            if !is_good {
                return (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_grant"})));
            }
        }
        state.good.insert(access.clone());
        let answer = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh,
        });
        (StatusCode::OK, axum::Json(answer))
    }
}

fn refresh_token(form: &str) -> Option<String> {
    let form = form.split(' ').next().unwrap_or_default();
    let mut fields = form_urlencoded::parse(form.as_bytes());
    fields.find(|(name, _)| name == "refresh_token").map(|(_, token)| token.into_owned())
}

async fn tool(State(login): State<Login>, headers: HeaderMap) -> (StatusCode, String) {
    let mut state = login.state();
    state.called += 1;
    let sent = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
    let token = sent.strip_prefix("Bearer ").unwrap();
    let status = if state.good.contains(token) { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    (status, json!({ "sent": sent }).to_string())
}
