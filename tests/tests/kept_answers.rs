//! Answers of tools that are kept: those who ask the same at once make one call, tenants are walls, what is found takes nothing of
//! the tool's limits, and whoever was to make the call and does not hands over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use updraft::connectors::{Connector, Connectors};
use updraft::integrations::HttpIntegration;
use updraft::secret::Found;
use updraft::{
    ActionSpec, Answer, CacheFound, CacheUse, Call, CallLimits, Effect, Engine, ExecutionStatus, Handle,
    Integration, Name, Playbook, PlaybookId, Rate, Secret, SecretProvider, Submission, TenantCode,
};
use updraft_tests::{Harness, asked, named, soon, started, tenant, until};

/// The vendor: tells how often it was asked for what, and answers when it may.
#[derive(Clone)]
struct Vendor {
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Answers that it may give.
    may_answer: Arc<Semaphore>,
    /// The next so many fail.
    fails: Arc<AtomicUsize>,
    address: SocketAddr,
}

async fn score(
    State(vendor): State<Vendor>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    *vendor.asked.lock().unwrap().entry(hash.clone()).or_default() += 1;
    vendor.may_answer.acquire().await.unwrap().forget();
    let fails = |left: usize| left.checked_sub(1);
    if vendor.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    if hash == "unknown" {
        return (StatusCode::NOT_FOUND, Json(json!({})));
    }
    let key = headers["x-key"].to_str().unwrap();
    (StatusCode::OK, Json(json!({"hash": hash, "score": 9, "debug": key})))
}

impl Vendor {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor = Self {
            asked: Arc::default(),
            may_answer: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            fails: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let routes = Router::new().route("/scores/{hash}", get(score)).with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        vendor
    }

    /// One that answers nothing until it may.
    async fn closed() -> Self {
        let vendor = Self::start().await;
        vendor.may_answer.forget_permits(Semaphore::MAX_PERMITS);
        vendor
    }

    fn connectors(&self, cache: &str) -> Connectors {
        let text = format!(
            "
connector: intel
version: 1
base_url: http://{}
headers: {{X-Key: {{$secret: intel-key}}}}
actions:
  score:
    arguments: {{properties: {{hash: {{type: string}}}}, required: [hash]}}
    request: {{path: '/scores/{{{{ arguments.hash }}}}'}}
    result: {{score: '{{{{ body.score }}}}', told: '{{{{ body.debug }}}}'}}
    cache: {cache}
  verdict:
    arguments: {{properties: {{hash: {{type: string}}}}, required: [hash]}}
    request: {{path: '/scores/{{{{ arguments.hash }}}}'}}
    result: {{score: '{{{{ body.score }}}}'}}
",
            self.address
        );
        let http = HttpIntegration::builder().allow(self.address.to_string().parse().unwrap());
        let connector = Connector::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        Connectors::builder(http).connector(connector).build().unwrap()
    }

    fn asked(&self, hash: &str) -> usize {
        self.asked.lock().unwrap().get(hash).copied().unwrap_or_default()
    }
}

/// One key for the tenants of the operator, and one of its own for `own`.
struct Keys;

impl SecretProvider for Keys {
    fn secret<'a>(&'a self, tenant: &'a TenantCode, _: &'a Name) -> Found<'a> {
        let text = if tenant.as_str() == "own" { "the-key-of-own-alone" } else { "the-key-of-the-operator" };
        Box::pin(async move { Ok(Secret::new(text)?) })
    }
}

async fn engine(harness: &Harness, vendor: &Vendor, cache: &str) -> Engine {
    started(&harness.builder().secrets(Keys).connectors(&vendor.connectors(cache))).await
}

/// A playbook of this name that asks for the score of its input's hash.
fn asks(name: &str, more: &str) -> Playbook {
    let step = "steps:\n  - id: ask\n    action: intel.score\n    arguments: {hash: '{{ input.hash }}'}\n";
    named(name, &format!("{step}    retry: {{attempts: 3, initial: 1ms, max: 1ms}}\n{more}"))
}

/// One that asks for itself and for other tenants.
fn shares(action: &str) -> Playbook {
    let step = format!(
        "steps:\n  - id: ask\n    action: {action}\n    arguments: {{hash: '{{{{ input.hash }}}}'}}\n"
    );
    named("shares", &format!("{step}    cache: {{ttl: 1h, scope: shared}}\n"))
}

async fn put(engine: &Engine, code: &str, playbook: &Playbook) -> PlaybookId {
    engine.playbooks().put(&tenant(code), playbook.clone()).await.unwrap()
}

async fn begin(engine: &Engine, code: &str, pid: PlaybookId, hash: &str) -> Handle {
    let submission = Submission::new(tenant(code), pid).input(json!({ "hash": hash }));
    engine.submit(submission).await.unwrap()
}

async fn submit(engine: &Engine, code: &str, playbook: &Playbook, hash: &str) -> Handle {
    let pid = put(engine, code, playbook).await;
    begin(engine, code, pid, hash).await
}

/// So many playbooks, which were all stored before the first one asks.
async fn submit_all(engine: &Engine, playbooks: usize) -> Vec<Handle> {
    let mut pids = Vec::new();
    for number in 0..playbooks {
        pids.push(put(engine, "acme", &asks(&format!("p{number}"), "")).await);
    }
    let mut handles = Vec::new();
    for pid in pids {
        handles.push(begin(engine, "acme", pid, "44d8").await);
    }
    handles
}

/// How an execution ended, and what its one task found among kept answers.
async fn ended(engine: &Engine, handle: &Handle) -> (ExecutionStatus, Option<CacheUse>, Value) {
    let status = soon(handle.wait()).await.unwrap().state.execution_status;
    engine.flush().await.unwrap();
    let found = engine.execution(handle.tenant(), handle.peid()).await.unwrap().unwrap();
    let [task] = &found.tasks[..] else { panic!("{:?}", found.tasks) };
    let used = task.state.call.as_ref().and_then(|call| call.cache);
    let output = task.state.response.as_ref().map(|output| serde_json::from_str(output.as_str()).unwrap());
    (status, used, output.unwrap_or_default())
}

fn count(all: &[(ExecutionStatus, Option<CacheUse>, Value)], found: CacheFound) -> usize {
    all.iter().filter(|(_, used, _)| used.is_some_and(|used| used.found == found)).count()
}

#[tokio::test]
async fn forty_playbooks_that_ask_for_one_hash_make_one_call() {
    let (harness, vendor) = (Harness::default(), Vendor::closed().await);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    let handles = submit_all(&engine, 40).await;
    until(async || vendor.asked("44d8") == 1).await;
    vendor.may_answer.add_permits(40);
    let all = join_all(handles.iter().map(|handle| ended(&engine, handle))).await;
    assert_eq!(
        (vendor.asked("44d8"), count(&all, CacheFound::Miss), count(&all, CacheFound::Hit)),
        (1, 1, 39)
    );
    for (status, _, output) in &all {
        assert_eq!((*status, output), (ExecutionStatus::Completed, &json!({"score": 9, "told": "***"})));
    }
    let again = submit(&engine, "acme", &asks("p0", ""), "44d8").await;
    let (_, used, _) = ended(&engine, &again).await;
    assert_eq!((used.unwrap().found, vendor.asked("44d8")), (CacheFound::Hit, 1));
    let aside = submit(&engine, "acme", &asks("aside", "    cache: none\n"), "44d8").await;
    assert_eq!((ended(&engine, &aside).await.1, vendor.asked("44d8")), (None, 2), "its author says so");
    engine.cache().forget(&tenant("acme"), &Name::new("intel").unwrap(), None, Some("44d8")).await;
    let forgotten = submit(&engine, "acme", &asks("p1", ""), "44d8").await;
    assert_eq!((ended(&engine, &forgotten).await.1, vendor.asked("44d8")), (Some(CacheUse::MISS), 3));
}

#[tokio::test]
async fn tenants_are_walls_unless_they_share_address_and_key() {
    let (harness, vendor) = (Harness::default(), Vendor::start().await);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    for code in ["acme", "other", "acme"] {
        ended(&engine, &submit(&engine, code, &asks("p", ""), "44d8").await).await;
    }
    assert_eq!(vendor.asked("44d8"), 2);
    let mut found = Vec::new();
    for code in ["acme", "other", "own"] {
        let handle = submit(&engine, code, &shares("intel.verdict"), "aa55").await;
        found.push(ended(&engine, &handle).await.1.unwrap().found);
    }
    assert_eq!(found, [CacheFound::Miss, CacheFound::Shared, CacheFound::Miss], "one has a key of its own");
    assert_eq!(vendor.asked("aa55"), 2);
}

#[tokio::test]
async fn an_answer_in_which_a_secret_was_masked_is_not_given_to_other_tenants() {
    let (harness, vendor) = (Harness::default(), Vendor::start().await);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    for code in ["acme", "other"] {
        let handle = submit(&engine, code, &shares("intel.score"), "aa55").await;
        let (_, used, output) = ended(&engine, &handle).await;
        assert_eq!((used, &output["told"]), (Some(CacheUse::MISS), &json!("***")), "{code}");
    }
    assert_eq!(vendor.asked("aa55"), 2);
}

#[tokio::test]
async fn who_was_to_call_and_is_cancelled_hands_over() {
    let (harness, vendor) = (Harness::default(), Vendor::closed().await);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    let first = submit(&engine, "acme", &asks("first", ""), "44d8").await;
    until(async || vendor.asked("44d8") == 1).await;
    let second = submit(&engine, "acme", &asks("second", ""), "44d8").await;
    let third = submit(&engine, "acme", &asks("third", ""), "44d8").await;
    let _ = soon(first.cancel(asked())).await.unwrap();
    until(async || vendor.asked("44d8") == 2).await;
    vendor.may_answer.add_permits(10);
    let all = [ended(&engine, &second).await, ended(&engine, &third).await];
    assert_eq!((count(&all, CacheFound::Miss), count(&all, CacheFound::Hit)), (1, 1));
    assert!(all.iter().all(|(status, ..)| *status == ExecutionStatus::Completed));
    assert_eq!(vendor.asked("44d8"), 2);
}

#[tokio::test]
async fn a_call_that_fails_is_not_kept_and_the_next_one_who_waits_calls() {
    let (harness, vendor) = (Harness::default(), Vendor::closed().await);
    vendor.fails.store(2, Ordering::SeqCst);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    let handles = submit_all(&engine, 5).await;
    until(async || vendor.asked("44d8") == 1).await;
    vendor.may_answer.add_permits(40);
    let all = join_all(handles.iter().map(|handle| ended(&engine, handle))).await;
    assert!(all.iter().all(|(status, ..)| *status == ExecutionStatus::Completed), "{all:?}");
    assert_eq!(vendor.asked("44d8"), 3, "two that failed, and one for all");
}

#[tokio::test]
async fn those_who_wait_for_a_sick_tool_do_not_call_it_one_after_the_other() {
    let (harness, vendor) = (Harness::default(), Vendor::closed().await);
    vendor.fails.store(3, Ordering::SeqCst);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    let handles = submit_all(&engine, 20).await;
    for handle in &handles {
        // It asks by then: one makes the call, and the others wait for it.
        until(async || handle.inspect().await.unwrap().execution.state.started_date.is_some()).await;
    }
    for failed in 0..3 {
        until(async || vendor.asked("44d8") == failed + 1).await;
        vendor.may_answer.add_permits(1);
    }
    // Nobody has been answered: they call beside each other.
    until(async || vendor.asked("44d8") >= 15).await;
    vendor.may_answer.add_permits(100);
    let all = join_all(handles.iter().map(|handle| ended(&engine, handle))).await;
    assert!(all.iter().all(|(status, ..)| *status == ExecutionStatus::Completed), "{all:?}");
}

#[tokio::test]
async fn that_there_is_nothing_is_kept_where_it_is_asked_for() {
    let (harness, vendor) = (Harness::default(), Vendor::start().await);
    let engine = engine(&harness, &vendor, "{ttl: 1h}").await;
    for (cache, calls) in [("{ttl: 1h}", 2), ("{ttl: 1h, negative_ttl: 5m}", 3)] {
        for _ in 0..2 {
            let playbook = asks("p", &format!("    cache: {cache}\n"));
            let playbook = Playbook { version: calls, ..playbook };
            let (status, ..) = ended(&engine, &submit(&engine, "acme", &playbook, "unknown").await).await;
            assert_eq!(status, ExecutionStatus::Failed);
        }
        assert_eq!(vendor.asked("unknown"), calls as usize, "{cache}");
    }
}

#[tokio::test]
async fn what_waited_for_an_answer_asks_again_after_a_crash() {
    let (harness, vendor) = (Harness::default(), Vendor::closed().await);
    let first = engine(&harness, &vendor, "{ttl: 1h}").await;
    let handles = submit_all(&first, 3).await;
    until(async || vendor.asked("44d8") == 1).await;
    let peids: Vec<_> = handles.iter().map(Handle::peid).collect();
    drop((handles, first));
    let second = engine(&harness, &vendor, "{ttl: 1h}").await;
    vendor.may_answer.add_permits(40);
    let resumed = second.take_resumed();
    assert_eq!(resumed.len(), peids.len());
    let all = join_all(resumed.iter().map(|handle| ended(&second, handle))).await;
    assert!(all.iter().all(|(status, ..)| *status == ExecutionStatus::Completed));
    assert_eq!(vendor.asked("44d8"), 2, "the call that the crash has cut off is repeated, once");
}

#[tokio::test]
async fn what_is_found_takes_no_part_of_the_rate_of_the_tool() {
    let (harness, vendor) = (Harness::default(), Vendor::start().await);
    let hourly = Rate::new(NonZeroU32::MIN, Duration::from_secs(3600)).unwrap();
    let limits = CallLimits::new().rate(hourly);
    let builder = harness.builder().secrets(Keys).connectors(&vendor.connectors("{ttl: 1h}"));
    let engine = builder.call_limits("intel", limits).start().await.unwrap();
    for number in 0..10 {
        let handle = submit(&engine, "acme", &asks(&format!("p{number}"), ""), "44d8").await;
        assert_eq!(ended(&engine, &handle).await.0, ExecutionStatus::Completed);
    }
    assert_eq!(vendor.asked("44d8"), 1);
}

/// A look-up that counts its calls.
#[derive(Clone, Default)]
struct Intel(Arc<AtomicUsize>);

impl Integration for Intel {
    fn actions(&self) -> &[&str] {
        &["look"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        ActionSpec { effect: Effect::Read, ..ActionSpec::default() }
    }

    fn call(&self, mut call: Call) -> Answer<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { Ok(call.arguments.take().into()) })
    }
}

#[tokio::test]
async fn forty_playbooks_that_enrich_the_same_indicators_make_a_fortieth_of_the_calls() {
    const PLAYBOOKS: usize = 40;
    const INDICATORS: usize = 100;
    let (harness, intel) = (Harness::default(), Intel::default());
    let engine = harness.builder().integration("intel", intel.clone()).start().await.unwrap();
    let indicators: Vec<String> = (0..INDICATORS).map(|number| format!("203.0.113.{number}")).collect();
    let mut pids = Vec::new();
    for number in 0..PLAYBOOKS {
        let steps = "steps:\n  - for_each: input.all\n    do:\n      - id: look\n        action: intel.look\n        \
                     arguments: {ip: '{{ item }}'}\n        cache: {ttl: 1h}\n";
        let playbook = named(&format!("enrich-{number}"), steps);
        pids.push(put(&engine, "acme", &playbook).await);
    }
    let mut handles = Vec::new();
    for pid in pids {
        let submission = Submission::new(tenant("acme"), pid).input(json!({ "all": indicators }));
        handles.push(engine.submit(submission).await.unwrap());
    }
    for handle in &handles {
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
    let calls = intel.0.load(Ordering::Relaxed);
    assert_eq!(calls, INDICATORS, "of {} without kept answers", PLAYBOOKS * INDICATORS);
}

fn read(cache: &str) -> Result<Playbook, String> {
    let text =
        format!("format: 1\nname: p\nversion: 1\nsteps:\n  - action: intel.score\n    cache: {cache}\n");
    Playbook::parse(text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_step_says_how_long_its_answers_are_kept_or_that_they_are_not() {
    for cache in
        ["none", "{ttl: 1h}", "{ttl: 1h, key: '{{ input.hash | lower }}', scope: shared, negative_ttl: 5m}"]
    {
        let playbook = read(cache).unwrap();
        let written = serde_json::to_vec(&playbook).unwrap();
        assert_eq!(Playbook::parse(&written).unwrap(), playbook, "{cache}");
    }
    for (cache, why) in [
        ("off", "`off` is no cache: a map with `ttl`, or `none`, is needed"),
        ("{key: a}", "the field `ttl` is missing"),
        ("{ttl: 1h, scop: shared}", "scop"),
        ("{ttl: 1h, scope: all}", "all"),
    ] {
        let told = read(cache).unwrap_err();
        assert!(told.contains(why) && told.contains("line 6"), "{cache}: {told}");
    }
}
