//! A guardrail that limits the raw HTTP integration: authors of playbooks have no way around it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::secret::Found;
use updraft::{
    Engine, ExecutionStatus, FailureKind, Guardrail, Name, Playbook, Secret, SecretProvider, TenantCode,
};
use updraft_tests::{Harness, ToolServer, asked, playbook, soon};

/// A client's secret, which no request needs.
struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(async { Ok(Secret::new("client-secret").unwrap()) })
    }
}

async fn limited(harness: &Harness, server: &ToolServer, only: serde_json::Value) -> Engine {
    let allow: Allow = server.address().to_string().parse().unwrap();
    let http = HttpIntegration::builder().allow(allow).build().unwrap();
    let engine = harness.builder().integration("http", http).secrets(Vault).start().await.unwrap();
    let guardrail: Guardrail =
        serde_json::from_value(json!({"name": "raw", "for": ["http"], "only": only})).unwrap();
    engine.guardrails().set(guardrail, asked()).await.unwrap();
    engine
}

/// Each call has a playbook of its own.
static VERSION: AtomicU32 = AtomicU32::new(1);

/// What becomes of a call with these arguments.
async fn refused(harness: &Harness, engine: &Engine, arguments: &str) -> Option<String> {
    let step = format!("steps:\n  - {{id: call, action: http.request, arguments: {{{arguments}}}}}\n");
    let version = VERSION.fetch_add(1, Ordering::Relaxed);
    let playbook = Playbook { version, ..playbook(&step) };
    let ended = soon(harness.submit(engine, &playbook, json!({})).await.wait()).await.unwrap();
    if ended.state.execution_status == ExecutionStatus::Completed {
        return None;
    }
    let error = ended.state.error.unwrap();
    (error.kind == FailureKind::Denied).then_some(error.message)
}

#[tokio::test]
async fn reads_are_those_of_the_method_and_not_of_what_an_author_says() {
    let (harness, server) = (Harness::default(), ToolServer::start().await);
    let engine = limited(&harness, &server, json!({"reads": true})).await;
    let url = format!("url: 'http://{}/act/acme/ask'", server.address());
    let told = refused(&harness, &engine, &format!("method: POST, effect: read, {url}")).await;
    assert!(told.unwrap().contains("only calls that look something up are made"));
    assert_eq!(refused(&harness, &engine, &format!("method: GET, {url}")).await, None);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn no_token_and_no_redirect_leads_to_another_host() {
    let (harness, server) = (Harness::default(), ToolServer::start().await);
    let engine = limited(&harness, &server, json!({"hosts": ["127.0.0.1"]})).await;
    let url = format!("method: POST, url: 'http://{}/act/acme/ask'", server.address());
    let oauth = |token_url: &str| {
        format!(
            "{url}, auth: {{oauth2: {{token_url: '{token_url}', client_id: id, client_secret: {{$secret: s}}}}}}"
        )
    };
    let told = refused(&harness, &engine, &oauth("https://collector.example/token")).await.unwrap();
    assert!(told.contains("it leads to collector.example:443"), "{told}");
    let told = refused(&harness, &engine, &format!("{url}, redirects: 3")).await.unwrap();
    assert!(told.contains("it may be redirected"), "{told}");
    let own = format!("http://{}/token", server.address());
    assert_eq!(refused(&harness, &engine, &oauth(&own)).await, None);
    assert_eq!(refused(&harness, &engine, &format!("{url}, redirects: 0")).await, None);
    assert_eq!(server.count(), 1, "the call without a token");
}
