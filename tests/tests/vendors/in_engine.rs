//! Shipped connectors in an engine, where limits, cooldowns and secrets are those of a tenant.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use updraft::connectors::Connector;
use updraft::secret::{Error, Found};
use updraft::{
    Engine, ExecutionStatus, FailureKind, Handle, Name, Playbook, Secret, SecretProvider, TenantCode,
    ToolCircuit, ToolGate,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, playbook, soon, until};

use crate::served::{Served, connectors, parsed, replaced};
use crate::stubs::graph::{self, Behaviour, Graph, USER};
use crate::stubs::urlscan::{self, SCAN, Urlscan};
use crate::stubs::virustotal::{self, IP, MD5, VirusTotal};

/// The keys of the accounts.
#[derive(Clone)]
struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let found = match name.as_str() {
            "virustotal" => Ok(Secret::new(virustotal::KEY).unwrap()),
            "urlscan" => Ok(Secret::new(urlscan::KEY).unwrap()),
            "microsoft-graph" => Ok(Secret::new(graph::SECRET).unwrap()),
            _ => Err(Error::Unknown),
        };
        Box::pin(std::future::ready(found))
    }
}

async fn engine(harness: &Harness, addresses: &[SocketAddr], all: Vec<Connector>) -> Engine {
    let connectors = connectors(addresses, all);
    harness.builder().secrets(Vault).connectors(&connectors).start().await.unwrap()
}

/// The connector with a rate of two seconds in place of a minute, which no test waits for.
fn of_virustotal(served: &Served<VirusTotal>) -> Connector {
    let file = replaced(crate::virustotal::FILE, "calls: 4, per: 1m", "calls: 4, per: 2s");
    parsed(&file, &[("server", &served.url())])
}

fn of_urlscan(served: &Served<Urlscan>) -> Connector {
    let file = replaced(crate::urlscan::FILE, "interval: 5s", "interval: 100ms");
    parsed(&file, &[("server", &served.url())])
}

fn of_graph(served: &Served<Graph>) -> Connector {
    let url = served.url();
    let constants = [
        ("server", url.as_str()),
        ("login", &url),
        ("directory", graph::DIRECTORY),
        ("client", graph::CLIENT),
    ];
    parsed(crate::graph::FILE, &constants)
}

/// One call, whose output is that of the playbook.
fn step(action: &str, arguments: &Value) -> Playbook {
    playbook(&format!(
        "steps:\n  - {{id: call, action: {action}, arguments: {arguments}}}\n  - end: '{{{{ steps.call.output }}}}'\n"
    ))
}

async fn output(handle: &Handle) -> Value {
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed, "{:?}", ended.state.error);
    ended.state.output.unwrap().value().try_into().unwrap()
}

/// Four calls are what the account has: those beyond wait for the rate, and none fails.
#[tokio::test]
async fn calls_beyond_the_rate_of_virustotal_wait_for_it() {
    let harness = Harness::default();
    let served = Served::start(|_| VirusTotal::default()).await;
    let engine = engine(&harness, &[served.address], vec![of_virustotal(&served)]).await;
    let look = step("virustotal.ip", &json!({"ip": IP}));
    let (began, mut handles) = (Instant::now(), Vec::new());
    for _ in 0..6 {
        handles.push(harness.submit(&engine, &look, json!(null)).await);
    }
    for handle in &handles {
        assert_eq!(output(handle).await["malicious"], json!(3));
    }
    // Four together, and the others at intervals of half a second.
    assert!(began.elapsed() >= Duration::from_millis(990), "{:?}", began.elapsed());
    assert_eq!(served.asked().len(), 6);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// A tool that answers each request works, however long what it was asked for takes: its circuit stays closed.
#[tokio::test]
async fn scans_that_take_longer_than_their_deadline_do_not_open_the_circuit_of_urlscan() {
    let harness = Harness::default();
    let served = Served::start(|_| Urlscan::stuck()).await;
    let file = replaced(crate::urlscan::FILE, "interval: 5s", "interval: 100ms");
    let file = replaced(&file, "deadline: 3m", "deadline: 300ms");
    let connector = parsed(&file, &[("server", &served.url())]);
    let engine = engine(&harness, &[served.address], vec![connector]).await;
    let scan = step("urlscan.scan", &json!({"url": "https://example.com/"}));
    for _ in 0..7 {
        let ended = soon(harness.submit(&engine, &scan, json!(null)).await.wait()).await.unwrap();
        let error = ended.state.error.unwrap();
        assert_eq!(error.kind, FailureKind::Timeout, "{}", error.message);
        assert!(error.message.contains("it was not done within"), "{}", error.message);
    }
    let gates = engine.tool_gates();
    assert!(gates.iter().all(|gate| gate.circuit == ToolCircuit::Closed), "{gates:?}");
    assert!(gates.iter().all(|gate| gate.counts.failed == 0), "{gates:?}");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// The key is left alone for as long as the headers of the refusal say, and what waits goes on after it.
#[tokio::test]
async fn a_refused_rate_of_urlscan_cools_its_key_down() {
    let harness = Harness::default();
    let served = Served::start(|_| Urlscan::limited(1, 2)).await;
    let engine = engine(&harness, &[served.address], vec![of_urlscan(&served)]).await;
    let search = step("urlscan.search", &json!({"query": "domain:example.com"}));
    let began = Instant::now();
    let first = harness.submit(&engine, &search, json!(null)).await;
    let is_cooling = |gate: &ToolGate| matches!(gate.circuit, ToolCircuit::Cooling(_));
    until(async || engine.tool_gates().iter().any(is_cooling)).await;
    let second = harness.submit(&engine, &search, json!(null)).await;
    assert_eq!(output(&second).await["scans"].as_array().unwrap().len(), 7);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    harness.clock.advance(Duration::from_secs(2));
    assert_eq!(output(&first).await["more"], json!(false));
    assert_eq!(served.asked().len(), 3);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// A scan that takes its time, then a file, in one execution whose output shows no key.
#[tokio::test]
async fn a_playbook_scans_a_url_and_looks_a_file_up() {
    let harness = Harness::default();
    let scans = Served::start(|_| Urlscan::alarmed()).await;
    let files = Served::start(|_| VirusTotal::default()).await;
    let all = vec![of_urlscan(&scans), of_virustotal(&files)];
    let engine = engine(&harness, &[scans.address, files.address], all).await;
    let triage = playbook(
        "steps:
  - {id: scan, action: urlscan.scan, arguments: {url: '{{ input.url }}', tags: [phishing]}}
  - if: steps.scan.output.malicious
    then:
      - {id: look, action: virustotal.file, arguments: {hash: '{{ input.hash }}'}}
  - end: {scan: '{{ steps.scan.output }}', file: '{{ steps.look.output }}'}
",
    );
    let input = json!({"url": "https://bank.example/login?a=1", "hash": MD5});
    let handle = harness.submit(&engine, &triage, input).await;
    let found = output(&handle).await;
    assert_eq!((&found["scan"]["scan"], &found["scan"]["score"]), (&json!(SCAN), &json!(100)));
    assert_eq!(found["file"]["malicious"], json!(60));
    let shown = found.to_string();
    assert!(!shown.contains(urlscan::KEY) && !shown.contains(virustotal::KEY), "{shown}");
    assert_eq!(scans.asked().iter().filter(|asked| asked.method == "POST").count(), 1);
    let tasks = handle.inspect().await.unwrap().tasks;
    let target = |step: &str| {
        let task = tasks.iter().find(|task| task.head.step_id.as_str() == step).unwrap();
        task.state.call.as_ref().unwrap().target.clone().unwrap()
    };
    assert_eq!((&*target("scan"), &*target("look")), ("https://bank.example/login?a=1", MD5));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

const CONTAIN: &str = "steps:
  - {id: who, action: microsoft-graph.user, arguments: {user: '{{ input.user }}'}}
  - if: steps.who.output.found
    then:
      - {id: disable, action: microsoft-graph.set_enabled, arguments: {user: '{{ input.user }}', enabled: false}}
      - {action: microsoft-graph.revoke_sessions, arguments: {user: '{{ input.user }}'}}
  - end: '{{ steps.who.output.found }}'
";

/// Executions share one token; a user who is not there is left alone.
#[tokio::test]
async fn playbooks_contain_users_with_one_token_of_graph() {
    let harness = Harness::default();
    let served = Served::start(|address| Graph::new(address, Behaviour::default())).await;
    let engine = engine(&harness, &[served.address], vec![of_graph(&served)]).await;
    let mut handles = Vec::new();
    for user in [USER, "nobody@contoso.com", graph::GUEST] {
        handles.push(harness.submit(&engine, &playbook(CONTAIN), json!({"user": user})).await);
    }
    for (handle, found) in handles.iter().zip([true, false, true]) {
        assert_eq!(output(handle).await, json!(found));
    }
    let mut changes = served.vendor.kept(|kept| kept.changes.clone());
    changes.sort_by_key(|(what, body)| (what.clone(), body.to_string()));
    let disabled = json!({"accountEnabled": false});
    let expected = [
        (USER, &disabled),
        (graph::GUEST, &disabled),
        ("revoked", &json!(USER)),
        ("revoked", &json!(graph::GUEST)),
    ];
    assert_eq!(changes.iter().map(|(what, body)| (what.as_str(), body)).collect::<Vec<_>>(), expected);
    assert_eq!(served.vendor.kept(|kept| kept.tokens), 1);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// What the vendor says of a denial is there for the playbook, which tries nothing again.
#[tokio::test]
async fn a_playbook_reads_why_graph_denies() {
    let harness = Harness::default();
    let behaviour = Behaviour { forbidden: true, ..Behaviour::default() };
    let served = Served::start(|address| Graph::new(address, behaviour)).await;
    let engine = engine(&harness, &[served.address], vec![of_graph(&served)]).await;
    let body = "steps:
  - {id: disable, action: microsoft-graph.set_enabled, arguments: {user: '{{ input.user }}', enabled: false}, on_failure: continue}
  - end: {kind: '{{ steps.disable.error.kind }}', code: '{{ steps.disable.error.body.error.code }}', says: '{{ steps.disable.error.message }}'}
";
    let handle = harness.submit(&engine, &playbook(body), json!({"user": USER})).await;
    let told = output(&handle).await;
    assert_eq!((&told["kind"], &told["code"]), (&json!("forbidden"), &json!("Authorization_RequestDenied")));
    assert_eq!(told["says"], "denied by the tool: Insufficient privileges to complete the operation.");
    let calls = served.asked().iter().filter(|asked| asked.method == "PATCH").count();
    assert_eq!(calls, 1, "it is tried once");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
