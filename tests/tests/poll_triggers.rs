//! Triggers of polls: each item that a tool has starts one execution, through windows that overlap, crashes, failures of the tool and
//! a backlog that is full; the call is made as those of playbooks are; and what is wrong is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use updraft::connectors::{Connector, Connectors};
use updraft::integrations::HttpIntegration;
use updraft::secret::{Error, Found};
use updraft::{
    Builder, Detail, Engine, EngineTrouble, ExecutionDocument, ExecutionQuery, ExecutionsOf, Guardrail, Name,
    Secret, SecretProvider, TenantCode, Trigger, TriggerEntry, TriggerError,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, named, soon, tenant, until};

/// A tool that has alerts, each since an instant.
#[derive(Clone, Default)]
struct Siem(Arc<Mutex<Alerts>>);

#[derive(Default)]
struct Alerts {
    all: Vec<Value>,
    /// From where on it was asked, each time.
    asked: Vec<String>,
    /// What the next questions are answered, in place of alerts: a status, and for how many seconds it wants to be left alone.
    refuses: VecDeque<(u16, Option<u64>)>,
    /// How many questions are answered now, and were at once.
    running: (usize, usize),
}

impl Siem {
    fn locked(&self) -> MutexGuard<'_, Alerts> {
        self.0.lock().unwrap()
    }

    /// New alerts, all since one instant.
    fn add(&self, ids: impl IntoIterator<Item = u64>, at: u64) {
        self.locked().all.extend(ids.into_iter().map(|id| json!({"id": id, "at": at})));
    }

    fn asked(&self) -> usize {
        self.locked().asked.len()
    }

    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/alerts", get(alerts)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }
}

/// Alerts from an instant on, itself included: what was told comes again. Two to a page.
async fn alerts(
    State(siem): State<Siem>,
    Query(asks): Query<BTreeMap<String, u64>>,
    headers: HeaderMap,
) -> Response {
    let (since, offset) = (asks.get("since").copied(), asks.get("offset").copied().unwrap_or_default());
    let key = headers["x-key"].to_str().unwrap().to_owned();
    {
        let mut siem = siem.locked();
        siem.running.0 += 1;
        siem.running.1 = siem.running.1.max(siem.running.0);
        if offset == 0 {
            siem.asked.push(since.map_or_else(|| "none".to_owned(), |since| since.to_string()));
        }
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut siem = siem.locked();
    siem.running.0 -= 1;
    if let Some((status, left_alone)) = siem.refuses.pop_front() {
        let status = StatusCode::from_u16(status).unwrap();
        let after = left_alone.map(|secs| [("retry-after", secs.to_string())]);
        return after.map_or_else(|| status.into_response(), |after| (status, after).into_response());
    }
    let since = since.unwrap_or_default();
    let all = siem.all.iter().filter(|alert| alert["at"].as_u64().is_none_or(|at| at >= since));
    let page: Vec<&Value> = all.skip(usize::try_from(offset).unwrap()).take(2).collect();
    Json(json!({"alerts": page, "key": key})).into_response()
}

/// Has all secrets, but the desk's only while that is there.
#[derive(Clone, Default)]
struct Vault(Arc<AtomicBool>);

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, name: &'a Name) -> Found<'a> {
        let lacks = name.as_str() == "desk-key" && !self.0.load(Ordering::SeqCst);
        let found = if lacks { Err(Error::Unknown) } else { Ok(Secret::new("k3y-of-the-siem").unwrap()) };
        Box::pin(std::future::ready(found))
    }
}

struct World {
    harness: Harness,
    siem: Siem,
    address: SocketAddr,
    vault: Vault,
}

const POLL: &str = "{every: 1s, action: siem.list, arguments: {since: '{{ cursor }}'}, items: '{{ answer.alerts }}', \
                    id: '{{ item.id }}', cursor: '{{ item.at }}'}";

impl World {
    async fn new() -> Self {
        let siem = Siem::default();
        let address = siem.serve().await;
        Self { harness: Harness::default(), siem, address, vault: Vault::default() }
    }

    fn builder(&self) -> Builder {
        let http = HttpIntegration::builder().allow(self.address.to_string().parse().unwrap());
        let text = format!(
            "
connector: siem
version: 1
base_url: http://{}
headers: {{X-Key: {{$secret: siem-key}}}}
limits: {{at_once: 1}}
actions:
  list:
    arguments: {{properties: {{since: {{}}}}}}
    request: {{path: /alerts, query: {{since: '{{{{ arguments.since }}}}', offset: '{{{{ page.offset }}}}'}}}}
    pagination: {{by: offset, items: '{{{{ body.alerts }}}}', size: 2, pages: 20}}
    result: {{alerts: '{{{{ items }}}}', key: '{{{{ body.key }}}}'}}
  close:
    request: {{method: POST, path: /close}}
",
            self.address
        );
        // The same tool, by another secret.
        let desk = text.replace(": siem\n", ": desk\n").replace("siem-key", "desk-key");
        let both = [text, desk].map(|text| Connector::parse(text.as_bytes()).unwrap());
        let connectors = both.into_iter().fold(Connectors::builder(http), |all, one| all.connector(one));
        let builder = self.harness.builder().connectors(&connectors.build().unwrap());
        builder.secrets(self.vault.clone()).fire_triggers(true)
    }

    async fn start(&self) -> Engine {
        updraft_tests::started(&self.builder()).await
    }

    async fn put(&self, engine: &Engine, name: &str, poll: &str, more: &str) -> Result<(), TriggerError> {
        let report = named("report", "steps:\n  - {id: say, action: tool.echo}\n");
        self.harness.put(engine, &report).await;
        let version = entry(engine, name).await.map_or(1, |entry| entry.definition.version + 1);
        let file =
            format!("trigger: {name}\nversion: {version}\nplaybook: report\non: {{poll: {poll}}}\n{more}");
        let trigger = Trigger::parse(file.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        engine.triggers().put(&tenant("acme"), trigger, asked()).await.map(drop)
    }

    /// Waits until the tool was asked so many times more.
    async fn asked_again(&self, times: usize) {
        let before = self.siem.asked();
        until(async || self.siem.asked() >= before + times).await;
    }
}

async fn entry(engine: &Engine, name: &str) -> Option<TriggerEntry> {
    engine.triggers().get(&tenant("acme"), &Name::new(name).unwrap()).await.unwrap()
}

async fn executions(engine: &Engine) -> Vec<ExecutionDocument> {
    engine.flush().await.unwrap();
    let (tenant, of) = (tenant("acme"), ExecutionsOf::Any);
    let query = ExecutionQuery { tenant, of, after: None, limit: 1_000, detail: Detail::Whole };
    engine.reader().executions(query).await.unwrap().0
}

/// The inputs of all executions, each of which is another.
async fn inputs(engine: &Engine) -> BTreeSet<String> {
    let all = executions(engine).await;
    let inputs: BTreeSet<String> =
        all.iter().map(|document| document.head.input.as_str().to_owned()).collect();
    assert_eq!(inputs.len(), all.len(), "each item starts one execution: {all:?}");
    inputs
}

fn numbers(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

const ID: &str = "input: '{{ event.item.id }}'\n";

#[tokio::test]
async fn each_item_starts_one_execution_over_windows_that_overlap_and_pages() {
    let world = World::new().await;
    let engine = world.start().await;
    world.siem.add(1..=5, 10);
    world.siem.locked().all.push(json!({"at": 10, "name": "has no id"}));
    let more = format!("when: event.item.id != 4\n{ID}");
    world.put(&engine, "alerts", POLL, &more).await.unwrap();
    until(async || executions(&engine).await.len() == 4).await;
    world.siem.add(6..=7, 10);
    world.siem.add(8..=9, 20);
    until(async || executions(&engine).await.len() == 8).await;
    world.asked_again(3).await;
    assert_eq!(inputs(&engine).await, numbers([1, 2, 3, 5, 6, 7, 8, 9]));
    {
        let siem = world.siem.locked();
        assert_eq!((&*siem.asked[0], &**siem.asked.last().unwrap()), ("none", "20"), "{:?}", siem.asked);
    }
    // Counts are stored once a second.
    until(async || {
        let history = entry(&engine, "alerts").await.unwrap().history;
        (history.fired, history.filtered, history.refused) == (8, 1, 1)
    })
    .await;
    let found = entry(&engine, "alerts").await.unwrap();
    let trouble = found.history.trouble.unwrap();
    assert!(trouble.starts_with("trigger alerts, item 5: "), "{trouble}");
    let poll = found.poll.unwrap();
    assert!(
        poll.cursor.as_u64() == Some(20) && poll.answered.is_some() && poll.failing.is_none(),
        "{poll:?}"
    );
    assert!(found.next.unwrap() > poll.answered.unwrap());
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn what_finds_no_room_waits_and_a_crash_before_the_cursor_moves_starts_nothing_twice() {
    let world = World::new().await;
    let narrow = world.builder().executions_in_flight(1).backlog(2);
    let engine = updraft_tests::started(&narrow).await;
    world.siem.add(1..=9, 10);
    let gate = named("gated", "steps:\n  - {id: gate, action: tool.gate}\n");
    world.harness.put(&engine, &gate).await;
    let file = format!("trigger: alerts\nversion: 1\nplaybook: gated\non: {{poll: {POLL}}}\n{ID}");
    let trigger = Trigger::parse(file.as_bytes()).unwrap();
    engine.triggers().put(&tenant("acme"), trigger, asked()).await.unwrap();
    world.harness.tool.begun(1).await;
    until(async || engine.queued() == 2).await;
    let asked = world.siem.asked();
    assert!(entry(&engine, "alerts").await.unwrap().poll.is_none_or(|poll| poll.answered.is_none()));
    // Some are accepted, and the cursor has not moved.
    drop(engine);
    let engine = world.start().await;
    world.harness.tool.open(100);
    until(async || world.siem.asked() > asked + 2).await;
    until(async || executions(&engine).await.len() == 9).await;
    assert_eq!(inputs(&engine).await, numbers(1..=9));
    assert_eq!(entry(&engine, "alerts").await.unwrap().poll.unwrap().cursor.to_string(), "10");
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_item_is_lost_or_taken_twice_over_ten_crashes() {
    let world = World::new().await;
    let first = world.start().await;
    world.put(&first, "alerts", POLL, ID).await.unwrap();
    drop(first);
    for crash in 1..=10 {
        world.siem.add((crash - 1) * 20 + 1..=crash * 20, crash);
        let engine = world.start().await;
        let wanted = usize::try_from(crash * 20 - 10).unwrap();
        until(async || executions(&engine).await.len() >= wanted).await;
        // Whatever it is about to do.
        drop(engine);
    }
    let last = world.start().await;
    until(async || executions(&last).await.len() >= 200).await;
    world.asked_again(2).await;
    assert_eq!(inputs(&last).await, numbers(1..=200));
    let _ = soon(last.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn a_tool_that_fails_or_wants_to_be_left_alone_is_asked_later_and_moves_no_cursor() {
    let world = World::new().await;
    let engine = world.start().await;
    world.siem.add(1..=2, 10);
    world.put(&engine, "alerts", POLL, ID).await.unwrap();
    until(async || executions(&engine).await.len() == 2).await;
    world.siem.locked().refuses.extend([(500, None), (500, None), (500, None), (429, Some(2))]);
    world.siem.add(3..=4, 20);
    until(async || {
        let failing = entry(&engine, "alerts").await.unwrap().poll.and_then(|poll| poll.failing);
        failing.is_some_and(|failing| failing.times >= 3)
    })
    .await;
    let found = entry(&engine, "alerts").await.unwrap();
    let poll = found.poll.unwrap();
    assert_eq!(poll.cursor.to_string(), "10");
    assert!(poll.answered.is_some() && found.next.unwrap() > poll.answered.unwrap());
    let troubles = engine.health().await.troubles;
    let is_told = |trouble: &EngineTrouble| matches!(trouble, EngineTrouble::PollFailing { trigger, .. } if trigger.as_str() == "alerts");
    assert!(troubles.iter().any(is_told), "{troubles:?}");
    assert_eq!(executions(&engine).await.len(), 2);
    until(async || executions(&engine).await.len() == 4).await;
    until(async || entry(&engine, "alerts").await.unwrap().poll.unwrap().failing.is_none()).await;
    assert!(!engine.health().await.troubles.iter().any(is_told));
    assert_eq!(inputs(&engine).await, numbers(1..=4));
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn a_paused_trigger_asks_nothing_and_goes_on_from_where_it_was() {
    let world = World::new().await;
    let engine = world.start().await;
    world.siem.add(1..=2, 10);
    world.put(&engine, "alerts", POLL, ID).await.unwrap();
    until(async || executions(&engine).await.len() == 2).await;
    let (acme, name) = (tenant("acme"), Name::new("alerts").unwrap());
    engine.triggers().pause(&acme, &name, asked()).await.unwrap();
    // The other trigger is asked after the driver has taken the pause.
    world.put(&engine, "others", POLL, "when: 'false'\n").await.unwrap();
    world.asked_again(2).await;
    world.siem.add(3..=4, 20);
    world.asked_again(3).await;
    assert_eq!(executions(&engine).await.len(), 2);
    assert_eq!(entry(&engine, "alerts").await.unwrap().next, None);
    engine.triggers().resume(&acme, &name, asked()).await.unwrap();
    until(async || executions(&engine).await.len() == 4).await;
    assert_eq!(world.siem.locked().running.1, 1, "the limits of the tool hold for polls");
    engine.triggers().remove(&acme, &name, asked()).await.unwrap();
    world.put(&engine, "alerts", POLL, ID).await.unwrap();
    until(async || entry(&engine, "alerts").await.unwrap().poll.is_some()).await;
    assert_eq!(inputs(&engine).await, numbers(1..=4), "what it begins with anew is known by its keys");
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn a_call_keeps_to_guardrails_shows_no_secret_and_only_reads() {
    let world = World::new().await;
    let engine = world.start().await;
    let writes = POLL.replace("siem.list", "siem.close").replace("arguments: {since: '{{ cursor }}'}, ", "");
    let refused = world.put(&engine, "alerts", &writes, ID).await.unwrap_err().to_string();
    assert_eq!(refused, "on.poll.action: it changes something, and only what reads is called");
    let unknown = world.put(&engine, "alerts", &POLL.replace("siem.l", "seim.l"), ID).await.unwrap_err();
    assert_eq!(unknown.to_string(), "on.poll.action: no integration \"seim\"; did you mean \"siem\"?");
    let rail = json!({"name": "stop", "for": ["siem"], "kill_switch": true});
    let rail: Guardrail = serde_json::from_value(rail).unwrap();
    engine.guardrails().set(rail, asked()).await.unwrap();
    world.siem.add([1], 10);
    let key = POLL.replace("{{ answer.alerts }}", "{{ [answer] }}").replace("item.id", "item.key");
    let key = key.replace("item.at", "none");
    world.put(&engine, "alerts", &key, "input: '{{ event.item.key }}'\n").await.unwrap();
    until(async || {
        let failing = entry(&engine, "alerts").await.unwrap().poll.and_then(|poll| poll.failing);
        failing.is_some_and(|failing| failing.why.starts_with("denied: guardrail \"stop\""))
    })
    .await;
    assert_eq!(world.siem.asked(), 0);
    engine.guardrails().clear(&Name::new("stop").unwrap(), asked()).await.unwrap();
    until(async || executions(&engine).await.len() == 1).await;
    assert_eq!(inputs(&engine).await, ["\"***\"".to_owned()].into(), "the tool has told its key");
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn items_wait_while_their_playbook_lacks_something() {
    let world = World::new().await;
    let engine = world.start().await;
    let lacks = |lacks: bool| world.vault.0.store(!lacks, Ordering::SeqCst);
    lacks(false);
    world.harness.put(&engine, &named("report", "steps:\n  - {id: look, action: desk.list}\n")).await;
    let file = format!("trigger: alerts\nversion: 1\nplaybook: report\non: {{poll: {POLL}}}\n{ID}");
    lacks(true);
    world.siem.add(1..=2, 10);
    engine.triggers().put(&tenant("acme"), Trigger::parse(file.as_bytes()).unwrap(), asked()).await.unwrap();
    until(async || {
        let failing = entry(&engine, "alerts").await.unwrap().poll.and_then(|poll| poll.failing);
        failing.is_some_and(|failing| failing.times > 1 && failing.why.contains("secret `desk-key`"))
    })
    .await;
    assert!(executions(&engine).await.is_empty());
    lacks(false);
    until(async || executions(&engine).await.len() == 2).await;
    assert_eq!(inputs(&engine).await, numbers(1..=2));
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}
