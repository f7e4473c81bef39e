//! Each playbook that `docs/playbooks.md` shows is run by an engine against an HTTP server, to the end that the page says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use updraft::integrations::HttpIntegration;
use updraft::secret::Found;
use updraft::{
    ApprovalAnswer, Engine, ExecutionStatus, Handle, Name, Playbook, Secret, SecretProvider, Signal,
    Submission, TaskId, TenantCode,
};
use updraft_tests::timeouts::{TEST_TIMEOUT, until};
use updraft_tests::{Harness, asked, named, soon, tenant};

/// What people and other programs do while a playbook runs.
enum Meanwhile {
    Nothing,
    /// They answer: a choice, with what is filled into the form.
    Answer(&'static [&'static str], &'static str, Value),
    Signal(&'static str, &'static str, Value),
    /// A person ends the wait of this step.
    Skip(&'static str),
    /// It is paused, and a person resumes it.
    Resume,
}

use Meanwhile::{Answer, Nothing, Resume, Skip};

/// One playbook of the page: its name, its input, what happens meanwhile, its end with its output where the page says it, and
/// the calls that the server gets.
type Case = (&'static str, Value, Meanwhile, (ExecutionStatus, Value), &'static [&'static str]);

const COMPLETED: ExecutionStatus = ExecutionStatus::Completed;
const FAILED: ExecutionStatus = ExecutionStatus::Failed;

/// In the order of the page.
fn cases() -> Vec<Case> {
    of_steps().into_iter().chain(of_waits()).chain(of_actions()).chain(of_data()).collect()
}

fn host() -> Value {
    json!({"host": "ws-17", "owner": "bo", "users": 3, "alert": {"severity": "high"}})
}

fn of_steps() -> Vec<Case> {
    vec![
        (
            "contain-host",
            host(),
            Nothing,
            (COMPLETED, json!({"host": "ws-17", "isolated": true})),
            &["GET /edr/hosts/ws-17", "POST /edr/isolate", "POST /edr/messages"],
        ),
        ("triage", host(), Nothing, (COMPLETED, json!("high")), &["POST /pager/pages"]),
        (
            "isolate-all",
            json!({"hosts": [{"name": "ws-17"}, {"name": "ws-18"}]}),
            Nothing,
            (COMPLETED, json!("2 of 2 hosts are isolated")),
            &["POST /edr/hosts/ws-17/isolate", "POST /edr/hosts/ws-18/isolate"],
        ),
        (
            "wait-for-scan",
            json!({"scan": 9}),
            Nothing,
            (COMPLETED, json!("clean")),
            &["GET /scanner/scans/9"],
        ),
        (
            "all-pages",
            json!({}),
            Nothing,
            (COMPLETED, json!([1, 2, 3])),
            &["GET /edr/alerts?page=1", "GET /edr/alerts?page=2"],
        ),
        (
            "collect-memory",
            host(),
            Nothing,
            (COMPLETED, json!("d-1")),
            &["POST /edr/v1/hosts/ws-17/dump", "POST /tickets/v1/notes"],
        ),
    ]
}

fn of_waits() -> Vec<Case> {
    vec![
        (
            "isolate-server",
            host(),
            Answer(&["ana", "bo"], "isolate", Value::Null),
            (COMPLETED, json!({"isolated": true})),
            &[],
        ),
        (
            "block-for-a-while",
            json!({"ip": "192.0.2.1"}),
            Answer(&["ana"], "approve", json!({"hours": 4})),
            (COMPLETED, json!({"blocked_for": 4, "ticket": "none"})),
            &[],
        ),
        (
            "ask-in-chat",
            host(),
            Answer(&["ana"], "approve", Value::Null),
            (COMPLETED, Value::Null),
            &["POST /chat/messages"],
        ),
        (
            "unblock-in-the-morning",
            json!({"not_before": "1969-07-20T20:17:40Z"}),
            Skip("morning"),
            (COMPLETED, Value::Null),
            &[],
        ),
        (
            "wait-for-ticket",
            json!({"ticket": "T-7"}),
            Meanwhile::Signal("ticket-closed", "T-7", json!({"by": "ana"})),
            (COMPLETED, json!({"by": "ana"})),
            &[],
        ),
    ]
}

fn of_actions() -> Vec<Case> {
    vec![
        (
            "block-and-open-ticket",
            json!({"ip": "192.0.2.1"}),
            Nothing,
            (FAILED, Value::Null),
            &["DELETE /firewall/blocks/5", "POST /firewall/blocks", "POST /tickets/v1/tickets"],
        ),
        (
            "isolate-and-look",
            host(),
            Nothing,
            (COMPLETED, json!("ws-17 is isolated")),
            &["GET /edr/jobs/3", "POST /edr/hosts/ws-17/isolate"],
        ),
        (
            "block-address",
            json!({"address": "192.0.2.1"}),
            Resume,
            (COMPLETED, json!("192.0.2.1 is blocked")),
            &["POST /fw/block", "POST /fw/block"],
        ),
        (
            "isolate-what-is-not",
            host(),
            Nothing,
            (FAILED, Value::Null),
            &["DELETE /edr/hosts/ws-17/isolate", "GET /edr/hosts/ws-17", "POST /edr/hosts/ws-17/isolate"],
        ),
        (
            "isolate-for-a-while",
            host(),
            Nothing,
            (COMPLETED, json!("ws-17 is isolated for four hours")),
            &["POST /edr/hosts/ws-17/isolate"],
        ),
        (
            "isolate-alone",
            host(),
            Nothing,
            (COMPLETED, json!("ws-17 is isolated")),
            &["POST /edr/hosts/ws-17/isolate"],
        ),
        (
            "isolate-and-scan",
            json!({"hosts": ["ws-17"]}),
            Skip("settle"),
            (COMPLETED, Value::Null),
            &["POST /edr/hosts/ws-17/isolate", "POST /edr/hosts/ws-17/scan"],
        ),
    ]
}

fn of_data() -> Vec<Case> {
    vec![
        (
            "isolate-all",
            json!({"hosts": ["ws-17", "ws-18"]}),
            Nothing,
            (COMPLETED, Value::Null),
            &["POST /edr/hosts/ws-17/isolate", "POST /edr/hosts/ws-18/isolate"],
        ),
        (
            "block-address",
            json!({"ip": "192.0.2.1"}),
            Nothing,
            (COMPLETED, Value::Null),
            &["POST /firewall/blocks"],
        ),
        ("close-old-alerts", json!({}), Nothing, (COMPLETED, Value::Null), &["POST /edr/close"]),
        (
            "reputation",
            json!({"ip": "192.0.2.1"}),
            Nothing,
            (COMPLETED, json!({"ip": "192.0.2.1", "known": true, "score": 7})),
            &["GET /reputation/192.0.2.1"],
        ),
        (
            "export",
            json!({}),
            Nothing,
            (COMPLETED, Value::Null),
            &["GET /intel/hashes/a", "GET /intel/hashes/b", "GET /siem/export", "PUT /archive/export"],
        ),
    ]
}

/// The hosts that the page names.
const HOSTS: [&str; 11] = [
    "edr",
    "scanner",
    "tickets",
    "chat",
    "pager",
    "firewall",
    "fw",
    "reputation",
    "siem",
    "archive",
    "intel",
];

/// The tools of the page, behind one address: the first part of a path is the name of the host there.
#[derive(Clone, Default)]
struct Tools(Arc<Mutex<Vec<String>>>);

impl Tools {
    fn calls(&self) -> Vec<String> {
        let mut calls = std::mem::take(&mut *self.0.lock().unwrap());
        calls.sort_unstable();
        calls
    }
}

async fn answer(State(tools): State<Tools>, method: Method, uri: Uri) -> (StatusCode, Json<Value>) {
    let call = format!("{method} {uri}");
    let mut calls = tools.0.lock().unwrap();
    let is_first = !calls.contains(&call);
    calls.push(call.clone());
    let body = match call.as_str() {
        "GET /edr/hosts/ws-17" => json!({"id": 7, "role": "client", "isolated": false}),
        "GET /edr/jobs/3" => json!({"state": "done"}),
        "GET /scanner/scans/9" => json!({"state": "done", "verdict": "clean"}),
        "GET /edr/alerts?page=1" => json!({"alerts": [1, 2], "next": 2}),
        "GET /edr/alerts?page=2" => json!({"alerts": [3]}),
        "POST /edr/v1/hosts/ws-17/dump" => json!({"id": "d-1"}),
        "POST /firewall/blocks" => json!({"id": 5}),
        "GET /reputation/192.0.2.1" => json!({"score": 7}),
        "GET /siem/export" => json!([{"hash": "a"}, {"hash": "b"}]),
        "POST /tickets/v1/tickets" => return (StatusCode::FORBIDDEN, Json(json!({}))),
        "POST /fw/block" if is_first => return (StatusCode::UNAUTHORIZED, Json(json!({}))),
        _ if call.ends_with("/isolate") => json!({"job": 3}),
        _ => json!({}),
    };
    (StatusCode::OK, Json(body))
}

/// The one secret that the page names.
struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(async { Ok(Secret::new("a token of the tests").unwrap()) })
    }
}

/// The playbooks of the page, whose tools are at this address.
fn playbooks(address: &str) -> Vec<Playbook> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/playbooks.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|part| part.split("```").next().unwrap());
    let read = |block: &str| {
        let mut text = block.to_owned();
        for host in HOSTS {
            for domain in ["example.com", "example"] {
                text =
                    text.replace(&format!("https://{host}.{domain}/"), &format!("http://{address}/{host}/"));
                text = text
                    .replace(&format!("https://{host}.{domain}\""), &format!("http://{address}/{host}\""));
            }
        }
        assert!(!text.contains("https://"), "{text}");
        Playbook::parse(text.as_bytes()).unwrap()
    };
    blocks.map(read).collect()
}

/// The task of a step that waits.
async fn waiting(handle: &Handle, step: Option<&str>) -> TaskId {
    let mut found = None;
    until(async || {
        let tasks = soon(handle.inspect()).await.unwrap().tasks;
        let waits = tasks.iter().find(|task| {
            let is_asked_for = step.is_none_or(|step| task.head.step_id.as_str() == step);
            task.state.wait.is_some() && !task.state.status.ended() && is_asked_for
        });
        found = waits.map(|task| task.task_request_id);
        found.is_some()
    })
    .await;
    found.unwrap()
}

async fn meanwhile(handle: &Handle, what: Meanwhile, (tools, calls): (&Tools, usize)) {
    match what {
        Nothing => {}
        Answer(people, choice, data) => {
            let task = waiting(handle, Some("ask")).await;
            // An answer ends what runs beside the question.
            until(async || tools.0.lock().unwrap().len() == calls).await;
            for uid in people {
                let data = (!data.is_null()).then(|| data.clone().into());
                let groups = vec!["soc-leads".into()];
                let choice = choice.parse().unwrap();
                let answer = ApprovalAnswer { uid: (*uid).into(), groups, choice, comment: None, data };
                soon(handle.answer(task, answer)).await.unwrap();
            }
        }
        Meanwhile::Signal(name, key, payload) => {
            let name = Name::new(name).unwrap();
            let signal = Signal { id: "1".into(), name, key: Some(key.into()), payload: payload.into() };
            soon(handle.signal(signal, asked())).await.unwrap();
        }
        Skip(step) => {
            let task = waiting(handle, Some(step)).await;
            soon(handle.skip(task, asked(), false)).await.unwrap();
        }
        Resume => {
            until(async || soon(handle.status()).await.unwrap() == ExecutionStatus::Paused).await;
            soon(handle.resume(asked())).await.unwrap();
        }
    }
}

/// The sub-playbooks that the page names.
async fn put_children(engine: &Engine, tenant: &TenantCode, address: &str) {
    let url = format!("http://{address}/edr/hosts/{{{{ input.host }}}}/isolate");
    let isolate =
        format!("steps:\n  - {{action: http.request, arguments: {{method: POST, url: '{url}'}}}}\n");
    for child in [named("isolate-host", &isolate), named("write-report", "steps:\n  - {end: null}\n")] {
        engine.playbooks().put(tenant, child).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_playbook_of_the_page_ends_as_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tools = Tools::default();
    let routes = Router::new().fallback(answer).with_state(tools.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let harness = Harness::default();
    let http = HttpIntegration::builder().allow(address.parse().unwrap()).build().unwrap();
    let engine = harness.builder().integration("http", http).secrets(Vault).start().await.unwrap();
    let (playbooks, cases) = (playbooks(&address), cases());
    let names: Vec<&str> = playbooks.iter().map(|playbook| playbook.name.as_str()).collect();
    assert_eq!(names, cases.iter().map(|case| case.0).collect::<Vec<_>>());
    for (number, (playbook, (name, input, what, (status, output), calls))) in
        playbooks.into_iter().zip(cases).enumerate()
    {
        // Two of them have the same name.
        let tenant = tenant(&format!("tenant-{number}"));
        put_children(&engine, &tenant, &address).await;
        let pid =
            engine.playbooks().put(&tenant, playbook).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut submission = Submission::new(tenant, pid).input(input);
        if name == "close-old-alerts" {
            submission = submission.variable("owner", json!("ana"));
        }
        let handle = engine.submit(submission).await.unwrap();
        meanwhile(&handle, what, (&tools, calls.len())).await;
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!((name, ended.state.execution_status), (name, status), "{:?}", ended.state.error);
        if !output.is_null() {
            let told = ended.state.output.as_ref().expect("an output").as_str();
            assert_eq!((name, serde_json::from_str::<Value>(told).unwrap()), (name, output));
        }
        assert_eq!((name, tools.calls()), (name, calls.iter().map(|call| (*call).to_owned()).collect()));
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
