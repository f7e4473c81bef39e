//! Submissions over HTTP: a webhook of each tenant, served on loopback as `updraft serve` does, and a client that signs its requests
//! and comes again when it is told to. Measures nothing.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use metrics::counter;
use sha2::Sha256;
use tokio::sync::oneshot;
use tokio::time::Instant;
use updraft::integrations::SecretMap;
use updraft::{Asked, Builder, Engine, ExecutionId, Handle, Name, Secret, TenantCode, Trigger};

use crate::error::Error;

/// The trigger of each tenant, and the secret by which requests to it are signed.
const HOOK: &str = "stress";
const SECRET: &str = "a secret of the load alone";
/// The pause of a sender that is to come again, and is not told when.
const AGAIN: Duration = Duration::from_millis(100);
/// How long one request is sent again while no trigger is found or the engine cannot store: triggers are read a moment after
/// the engine began, and a store that is away comes back. There is no such bound on 429, which says when to come again.
const PATIENCE: Duration = Duration::from_secs(60);
/// What requests under way may take when the server ends.
const GRACE: Duration = Duration::from_secs(1);

/// The way in over HTTP.
pub(crate) struct Hooks {
    address: String,
    client: Client<HttpConnector, Full<Bytes>>,
    /// The number of the next request: each is another event.
    next: AtomicU64,
    patience: Duration,
    /// Dropped to end the server.
    _serving: oneshot::Sender<()>,
}

/// An engine that takes webhooks of these tenants.
pub(crate) fn configure(
    builder: Builder,
    tenants: impl Iterator<Item = TenantCode>,
) -> Result<Builder, Error> {
    let secret = || Secret::new(SECRET).map_err(|error| failed(&error));
    let mut secrets = SecretMap::default();
    for tenant in tenants {
        secrets = secrets.with(tenant, name()?, secret()?);
    }
    Ok(builder.secrets(secrets).fire_triggers(true))
}

impl Hooks {
    /// Puts a webhook for each tenant, whose playbook is stored, and serves them.
    pub(crate) async fn serve(
        engine: &Engine,
        tenants: impl Iterator<Item = TenantCode>,
        playbook: &str,
    ) -> Result<Self, Error> {
        let text = format!(
            "trigger: {HOOK}\nversion: 1\nplaybook: {playbook}\n\
             on: {{webhook: {{signature: {{scheme: plain, secret: {HOOK}}}}}}}\n"
        );
        let trigger = Trigger::parse(text.as_bytes()).map_err(|error| failed(&error))?;
        let asked = || Asked { uid: "stress".into(), reason: "the load comes over HTTP".into() };
        for tenant in tenants {
            let put = engine.triggers().put(&tenant, trigger.clone(), asked()).await;
            put.map_err(|error| failed(&error))?;
        }
        Self::of(updraft_webhooks::router(engine.webhooks()), PATIENCE).await
    }

    /// Serves these routes, on a port that is free.
    async fn of(router: axum::Router, patience: Duration) -> Result<Self, Error> {
        let listener =
            tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?.to_string();
        let (serving, stop) = oneshot::channel::<()>();
        let stopped = async move { drop(stop.await) };
        tokio::spawn(updraft_webhooks::serve(listener, router, stopped, GRACE));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { address, client, next: AtomicU64::new(0), patience, _serving: serving })
    }

    /// Submits an execution of a tenant, and comes again as often as it is told to.
    pub(crate) async fn submit(&self, engine: &Engine, tenant: &TenantCode) -> Result<Handle, Error> {
        let peid = self.send(tenant).await?;
        let found = engine.handle(tenant, peid).await.map_err(|error| failed(&error))?;
        found.ok_or_else(|| failed(&"an execution that was accepted is not there"))
    }

    /// Sends the next event of a tenant until it is accepted.
    async fn send(&self, tenant: &TenantCode) -> Result<ExecutionId, Error> {
        let body = Bytes::from(format!(r#"{{"number":{}}}"#, self.next.fetch_add(1, Ordering::Relaxed)));
        let began = Instant::now();
        loop {
            let answer = self.client.request(self.request(tenant, &body)?).await;
            let (parts, answered) = answer.map_err(|error| failed(&error))?.into_parts();
            let text = answered.collect().await.map_err(|error| failed(&error))?.to_bytes();
            match parts.status {
                StatusCode::ACCEPTED => return accepted(&text),
                StatusCode::TOO_MANY_REQUESTS => {}
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::NOT_FOUND
                    if began.elapsed() < self.patience => {}
                status => return Err(failed(&format_args!("the webhook answered {status}"))),
            }
            counter!("load_told_to_come_again").increment(1);
            let after = parts.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
            tokio::time::sleep(after.map_or(AGAIN, Duration::from_secs)).await;
        }
    }

    fn request(&self, tenant: &TenantCode, body: &Bytes) -> Result<Request<Full<Bytes>>, Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).map_err(|error| failed(&error))?;
        mac.update(body);
        let signature: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = Request::post(format!("http://{}/hooks/{tenant}/{HOOK}", self.address))
            .header(CONTENT_TYPE, "application/json")
            .header("X-Signature", signature);
        request.body(Full::new(body.clone())).map_err(|error| failed(&error))
    }
}

fn accepted(answer: &[u8]) -> Result<ExecutionId, Error> {
    let answer: serde_json::Value =
        serde_json::from_slice(answer).map_err(|error| failed(&io::Error::from(error)))?;
    let peid = answer["peid"].as_str().and_then(|peid| peid.parse().ok());
    peid.ok_or_else(|| failed(&"the webhook accepted a request without an execution"))
}

fn name() -> Result<Name, Error> {
    Name::new(HOOK).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::of("the webhook", error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::HeaderMap;
    use axum::response::{IntoResponse, Response};
    use axum::routing::post;

    use super::*;

    const PEID: &str = "01950000-0000-7000-8000-000000000001";

    /// A server that gives these answers, the last for ever, and the requests that it got: their bodies and signatures.
    async fn server(
        answers: &'static [(u16, Option<&'static str>)],
        patience: Duration,
    ) -> (Hooks, Arc<Mutex<Vec<(String, String)>>>) {
        let got: Arc<Mutex<Vec<_>>> = Arc::default();
        let requests = got.clone();
        let answer = move |headers: HeaderMap, body: String| async move {
            let signature = headers["X-Signature"].to_str().unwrap().to_owned();
            let mut requests = requests.lock().unwrap();
            let (status, after) = answers[requests.len().min(answers.len() - 1)];
            requests.push((body, signature));
            let mut answer: Response = format!(r#"{{"peid":"{PEID}"}}"#).into_response();
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(after) = after {
                answer.headers_mut().insert(RETRY_AFTER, after.parse().unwrap());
            }
            answer
        };
        let router = axum::Router::new().route("/hooks/{tenant}/{trigger}", post(answer));
        (Hooks::of(router, patience).await.unwrap(), got)
    }

    fn acme() -> TenantCode {
        TenantCode::new("acme").unwrap()
    }

    #[tokio::test]
    async fn the_same_event_is_sent_until_it_is_accepted_and_the_next_is_another() {
        let answers = &[(404, None), (503, Some("0")), (429, Some("0")), (429, None), (202, None)];
        let (hooks, got) = server(answers, Duration::from_secs(600)).await;
        for _ in 0..2 {
            assert_eq!(hooks.send(&acme()).await.unwrap().to_string(), PEID);
        }
        let got = got.lock().unwrap();
        let (first, next) = got.split_at(5);
        assert!(first.iter().all(|request| *request == first[0]), "{first:?}");
        assert_eq!(next.len(), 1);
        assert_ne!(next[0], first[0]);
    }

    #[tokio::test]
    async fn what_stays_refused_is_an_error_but_for_a_server_that_has_no_room_yet() {
        for (answer, requests) in [((404, None), 1), ((503, None), 1), ((401, None), 1)] {
            let answers: &'static [_] = Box::leak(Box::new([answer]));
            let (hooks, got) = server(answers, Duration::ZERO).await;
            let error = hooks.send(&acme()).await.unwrap_err().to_string();
            assert!(error.contains(&answer.0.to_string()), "{error}");
            assert_eq!(got.lock().unwrap().len(), requests);
        }
        let (hooks, got) = server(&[(429, Some("0")), (429, Some("0")), (202, None)], Duration::ZERO).await;
        assert_eq!(hooks.send(&acme()).await.unwrap().to_string(), PEID);
        assert_eq!(got.lock().unwrap().len(), 3);
    }
}
