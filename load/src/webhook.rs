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
use updraft::integrations::SecretMap;
use updraft::{Asked, Builder, Engine, ExecutionId, Handle, Name, Secret, TenantCode, Trigger};

use crate::error::Error;

/// The trigger of each tenant, and the secret by which requests to it are signed.
const HOOK: &str = "stress";
const SECRET: &str = "a secret of the load alone";
/// The pause of a sender that is to come again, and is not told when.
const AGAIN: Duration = Duration::from_millis(100);
/// What requests under way may take when the server ends.
const GRACE: Duration = Duration::from_secs(1);

/// The way in over HTTP.
pub(crate) struct Hooks {
    address: String,
    client: Client<HttpConnector, Full<Bytes>>,
    /// The number of the next request: each is another event.
    next: AtomicU64,
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
        let listener =
            tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?.to_string();
        let (serving, stop) = oneshot::channel::<()>();
        let router = updraft_webhooks::router(engine.webhooks());
        let stopped = async move { drop(stop.await) };
        tokio::spawn(updraft_webhooks::serve(listener, router, stopped, GRACE));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { address, client, next: AtomicU64::new(0), _serving: serving })
    }

    /// Submits an execution of a tenant, and comes again as often as it is told to.
    pub(crate) async fn submit(&self, engine: &Engine, tenant: &TenantCode) -> Result<Handle, Error> {
        let body = Bytes::from(format!(r#"{{"number":{}}}"#, self.next.fetch_add(1, Ordering::Relaxed)));
        loop {
            let answer = self.client.request(self.request(tenant, &body)?).await;
            let (parts, answered) = answer.map_err(|error| failed(&error))?.into_parts();
            let text = answered.collect().await.map_err(|error| failed(&error))?.to_bytes();
            match parts.status {
                StatusCode::ACCEPTED => {
                    let peid = accepted(&text)?;
                    let found = engine.handle(tenant, peid).await.map_err(|error| failed(&error))?;
                    return found.ok_or_else(|| failed(&"an execution that was accepted is not there"));
                }
                // Triggers are read a moment after the engine began, and after they were put.
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::NOT_FOUND => {
                    counter!("load_told_to_come_again").increment(1);
                    let after =
                        parts.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
                    tokio::time::sleep(after.map_or(AGAIN, Duration::from_secs)).await;
                }
                status => return Err(failed(&format_args!("the webhook answered {status}"))),
            }
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
