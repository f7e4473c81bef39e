//! Connectors in an engine: a playbook calls one as any integration, with the secrets that its file names, its limits, and its
//! answers without secrets; what is missing is told before, and waited for later.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use updraft::connectors::{Connector, Connectors};
use updraft::integrations::HttpIntegration;
use updraft::secret::{Error, Found};
use updraft::{
    CallLimits, Engine, EngineTrouble, ExecutionStatus, Name, PutError, Rate, Secret, SecretProvider,
    Submission, TenantCode,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, named, playbook, soon, tenant, until};

/// What the tool was asked, with the key that came along.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

async fn look(State(asked): State<Asked>, Path(host): Path<String>, headers: HeaderMap) -> Json<Value> {
    let key = headers["x-key"].to_str().unwrap().to_owned();
    asked.lock().unwrap().push((host.clone(), key.clone()));
    // A tool that tells everything that it was sent.
    Json(json!({"host": host, "score": 7, "debug": key}))
}

async fn look_again(state: State<Asked>, Path(host): Path<String>, headers: HeaderMap) -> Json<Value> {
    look(state, Path(format!("second {host}")), headers).await
}

async fn isolate(State(asked): State<Asked>, Json(body): Json<Value>) -> Json<Value> {
    asked.lock().unwrap().push((format!("isolate {}", body["host"]), String::new()));
    Json(json!({"job": 1}))
}

/// The tool, and its connector.
async fn tool() -> (Asked, Connectors) {
    let (asked, address) = serve().await;
    (asked, connectors(address, &[1]))
}

async fn serve() -> (Asked, SocketAddr) {
    let asked = Asked::default();
    let routes = Router::new().route("/hosts/{host}", get(look)).route("/isolate", post(isolate));
    let routes = routes.route("/2/hosts/{host}", get(look_again));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = routes.with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (asked, address)
}

/// The connector in these versions, of which the second has another path.
fn connectors(address: SocketAddr, versions: &[u32]) -> Connectors {
    let http = HttpIntegration::builder().allow(address.to_string().parse().unwrap());
    let all = versions.iter().map(|version| connector(address, *version));
    all.fold(Connectors::builder(http), |all, one| all.connector(one)).build().unwrap()
}

fn connector(address: SocketAddr, version: u32) -> Connector {
    let before = if version == 1 { "" } else { "/2" };
    let text = format!(
        "
connector: edr
version: {version}
base_url: http://{address}
headers: {{X-Key: {{$secret: edr-key}}}}
limits: {{at_once: 3}}
actions:
  look:
    arguments: {{required: [host], properties: {{host: {{type: string}}}}}}
    request: {{path: '{before}/hosts/{{{{ arguments.host }}}}'}}
    result: {{score: '{{{{ body.score }}}}', all: '{{{{ body }}}}'}}
  isolate:
    arguments: {{required: [host], properties: {{host: {{type: string}}}}}}
    target: {{argument: host, kind: host}}
    request: {{method: POST, path: /isolate, json: {{host: '{{{{ arguments.host }}}}'}}}}
"
    );
    Connector::parse(text.as_bytes()).unwrap()
}

/// Secrets that come and go.
#[derive(Clone, Default)]
struct Vault(Arc<Mutex<BTreeMap<String, Secret>>>);

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found = self.0.lock().unwrap().get(name.as_str()).cloned().ok_or(Error::Unknown);
        Box::pin(std::future::ready(found))
    }
}

impl Vault {
    fn set(&self, name: &str, text: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), Secret::new(text).unwrap());
    }
}

const CONTAIN: &str = "steps:
  - {id: look, action: edr.look, arguments: {host: '{{ input.host }}'}}
  - if: steps.look.output.score > 5
    then:
      - {id: isolate, action: edr.isolate, arguments: {host: '{{ input.host }}'}}
  - end: '{{ steps.look.output }}'
";

/// A tool whose pages go on until somebody else has called it.
async fn endless() -> (Asked, SocketAddr) {
    async fn page(State(asked): State<Asked>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
        let mut asked = asked.lock().unwrap();
        let number = asked.len();
        let who = if query.contains_key("cursor") { "page" } else { query["kind"].as_str() };
        asked.push((who.to_owned(), String::new()));
        let is_over = asked.iter().any(|(who, _)| who == "one") || number > 500;
        Json(json!({"data": [number], "next": if is_over { Value::Null } else { json!(number) }}))
    }
    let asked = Asked::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/items", get(page)).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (asked, address)
}

/// What a task waits for that is not configured.
async fn missing(engine: &Engine) -> String {
    let mut found = None;
    until(async || {
        found = engine.health().await.troubles.into_iter().find_map(|trouble| match trouble {
            EngineTrouble::NotConfigured { tasks } => Some(tasks[0].what.clone()),
            _ => None,
        });
        found.is_some()
    })
    .await;
    found.unwrap()
}

async fn refused(engine: &Engine, body: &str) -> String {
    match engine.playbooks().put(&tenant("acme"), playbook(body)).await {
        Err(PutError::Invalid(mistakes)) => mistakes.iter().map(|one| format!("{one}\n")).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_playbook_calls_a_connector_with_its_secrets_which_no_output_shows() {
    let (harness, vault, (asked, connectors)) = (Harness::default(), Vault::default(), tool().await);
    vault.set("edr-key", "the-key-of-acme");
    let engine = harness.builder().secrets(vault).connectors(&connectors).start().await.unwrap();
    let handle = harness.submit(&engine, &playbook(CONTAIN), json!({"host": "ws 17"})).await;
    let ended = handle.wait().await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
    let output: Value = ended.state.output.unwrap().value().try_into().unwrap();
    assert_eq!(output, json!({"score": 7, "all": {"host": "ws 17", "score": 7, "debug": "***"}}));
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0], ("ws 17".to_owned(), "the-key-of-acme".to_owned()));
    assert_eq!(asked[1].0, "isolate \"ws 17\"");
    let isolate = handle
        .inspect()
        .await
        .unwrap()
        .tasks
        .into_iter()
        .find(|task| task.head.step_id.as_str() == "isolate");
    let call = isolate.unwrap().state.call.unwrap();
    assert_eq!(call.target.as_deref(), Some("ws 17"));
    assert_eq!(call.arguments.as_ref().unwrap().as_str(), r#"{"host":"ws 17"}"#);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_a_playbook_gets_wrong_or_nobody_has_is_told_when_it_is_put() {
    let (harness, vault, (_, connectors)) = (Harness::default(), Vault::default(), tool().await);
    let engine = harness.builder().secrets(vault.clone()).connectors(&connectors).start().await.unwrap();
    let step = |arguments: &str| format!("steps:\n  - {{id: a, action: edr.look, arguments: {arguments}}}\n");
    assert_eq!(
        refused(&engine, &step("{host: a}")).await,
        "steps[0].action: missing here: secret `edr-key` of tenant acme: the tenant has no such secret\n"
    );
    vault.set("edr-key", "the-key-of-acme");
    for (arguments, says) in [
        ("{}", "steps[0].arguments.host: is needed\n"),
        (
            "{hots: a, host: b}",
            "steps[0].arguments.hots: there is no such argument; did you mean \"host\"?; there are host\n",
        ),
        ("{host: {$secret: edr-key}}", "steps[0].arguments.host: this action takes no secrets\n"),
    ] {
        assert_eq!(refused(&engine, &step(arguments)).await, says);
    }
    let misspelt = refused(&engine, "steps:\n  - {id: a, action: edr.lok}\n").await;
    assert_eq!(misspelt, "steps[0].action: \"edr\" has no action \"lok\"; did you mean \"look\"?\n");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_secret_of_a_connector_that_has_gone_is_waited_for() {
    let (harness, vault, (asked, connectors)) = (Harness::default(), Vault::default(), tool().await);
    vault.set("edr-key", "the-key-of-acme");
    let engine = harness.builder().secrets(vault.clone()).connectors(&connectors).start().await.unwrap();
    let pid = harness.put(&engine, &playbook(CONTAIN)).await;
    let submit = || engine.submit(Submission::new(tenant("acme"), pid).input(json!({"host": "a"})));
    submit().await.unwrap().wait().await.unwrap();
    vault.0.lock().unwrap().clear();
    let handle = submit().await.unwrap();
    assert_eq!(
        missing(&engine).await,
        "missing here: secret `edr-key` of tenant acme: the tenant has no such secret"
    );
    vault.set("edr-key", "another-key");
    harness.clock.advance(Duration::from_secs(120));
    assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    let keys: Vec<String> = asked.lock().unwrap().iter().map(|(_, key)| key.clone()).collect();
    assert!(keys.contains(&"another-key".to_owned()), "{keys:?}");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn the_limits_of_a_connector_hold_unless_the_builder_declares_others() {
    let (harness, vault, (_, connectors)) = (Harness::default(), Vault::default(), tool().await);
    vault.set("edr-key", "the-key-of-acme");
    let engine = harness.builder().secrets(vault.clone()).connectors(&connectors).start().await.unwrap();
    let handle = harness.submit(&engine, &playbook(CONTAIN), json!({"host": "a"})).await;
    handle.wait().await.unwrap();
    let gates = engine.tool_gates();
    assert_eq!((gates.len(), gates[0].integration.as_str()), (1, "edr"));
    assert_eq!(gates[0].credentials, ["edr-key".parse::<Name>().unwrap()]);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let own = CallLimits::new().shared();
    let harness = Harness::default();
    let builder = harness.builder().secrets(vault).call_limits("edr", own).connectors(&connectors);
    let engine = builder.start().await.unwrap();
    let handle = harness.submit(&engine, &playbook(CONTAIN), json!({"host": "a"})).await;
    handle.wait().await.unwrap();
    let is_shared = engine.tool_gates().iter().any(|gate| gate.tenant.is_none());
    assert!(is_shared, "as the builder says");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn an_execution_keeps_the_version_of_a_connector_that_it_began_with() {
    let (harness, vault, (asked, address)) = (Harness::default(), Vault::default(), serve().await);
    vault.set("edr-key", "the-key-of-acme");
    let start = async |versions: &[u32]| {
        let connectors = connectors(address, versions);
        harness.builder().secrets(vault.clone()).connectors(&connectors).start().await.unwrap()
    };
    let later = playbook(
        "steps:\n  - delay: 1h\n  - {id: look, action: edr.look, arguments: {host: '{{ input.host }}'}}\n",
    );
    let engine = start(&[1]).await;
    let peid = harness.submit(&engine, &later, json!({"host": "a"})).await.peid();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    harness.clock.advance(Duration::from_secs(7200));
    // Only another version is there: what began with the first waits, what begins now does not.
    let engine = start(&[2]).await;
    assert_eq!(missing(&engine).await, "missing here: version 1 of integration \"edr\"");
    let now = named("now", "steps:\n  - {id: look, action: edr.look, arguments: {host: b}}\n");
    let pid = harness.put(&engine, &now).await;
    let ended = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap().wait().await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    assert_eq!(asked.lock().unwrap().iter().map(|(host, _)| host.as_str()).collect::<Vec<_>>(), ["second b"]);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    harness.clock.advance(Duration::from_secs(600));
    let engine = start(&[1, 2]).await;
    let handle = engine.handle(&tenant("acme"), peid).await.unwrap().unwrap();
    assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    assert_eq!(asked.lock().unwrap().last().unwrap().0, "a");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn each_page_counts_for_the_rate_in_turn_with_the_calls_of_others() {
    const PER: Duration = Duration::from_millis(25);
    let (harness, (asked, address)) = (Harness::default(), endless().await);
    let text = format!(
        "
connector: listing
version: 1
base_url: http://{address}
limits: {{at_once: 1, shared: true, rates: [{{calls: 1, per: 25ms}}]}}
actions:
  all:
    request: {{path: /items, query: {{kind: all, cursor: '{{{{ page.cursor }}}}'}}}}
    pagination: {{by: cursor, items: '{{{{ body.data }}}}', next: '{{{{ body.next }}}}', pages: 1000}}
  one:
    request: {{path: /items, query: {{kind: one}}}}
"
    );
    let http = HttpIntegration::builder().allow(address.to_string().parse().unwrap());
    let connector = Connector::parse(text.as_bytes()).unwrap();
    let connectors = Connectors::builder(http).connector(connector).build().unwrap();
    // Two calls at once: the pages of one leave the other its place.
    let rate = Rate::new(1.try_into().unwrap(), PER).unwrap();
    let limits = CallLimits::new().at_once(2.try_into().unwrap()).rate(rate).shared();
    let builder = harness.builder().connectors(&connectors).call_limits("listing", limits);
    let engine = builder.start().await.unwrap();
    let (began, many) = (Instant::now(), playbook("steps:\n  - {id: call, action: listing.all}\n"));
    let pages = harness.submit(&engine, &many, json!({})).await;
    until(async || asked.lock().unwrap().len() > 2).await;
    let (other, single) = (tenant("other"), playbook("steps:\n  - {id: call, action: listing.one}\n"));
    let pid = engine.playbooks().put(&other, single).await.unwrap();
    let one = engine.submit(Submission::new(other, pid)).await.unwrap();
    for handle in [one, pages] {
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
    }
    let came = u32::try_from(asked.lock().unwrap().len()).unwrap();
    assert!(came < 400, "the pages ended since the other was called");
    assert!(began.elapsed() >= PER * (came - 1), "{came} requests in {:?}", began.elapsed());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
