//! Publications: other programs are told each event, signed, in the order of its execution, once more rather than never: over
//! refusals, a receiver that is away, and crashes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::future;
use serde_json::{Value, json};
use updraft::integrations::{HttpIntegration, SecretMap};
use updraft::secret::Found;
use updraft::{
    Builder, Engine, EventCursor, Name, Publication, PublicationEntry, PublicationError, PublishFrom,
    RedisSettings, Secret, SecretProvider, Submission, TenantCode,
};
use updraft_kernel::publication::PublishedMessage;
use updraft_redis::testing::RedisServer;
use updraft_tests::{Harness, TestClock, asked, completed, named, soon, started, tenant, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A program that is told events: it checks each signature, and answers as it is to.
#[derive(Clone, Default)]
struct Receiver {
    told: Arc<Mutex<Vec<Value>>>,
    /// The status of its next answers, before those of 204.
    answers: Arc<Mutex<Vec<StatusCode>>>,
    /// How many requests were not signed as their header says.
    unsigned: Arc<AtomicUsize>,
}

/// A provider that takes a second and a half.
struct SlowSecrets(TestClock);

impl SecretProvider for SlowSecrets {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        self.0.advance(Duration::from_millis(1_500));
        Box::pin(async move { Ok(Secret::new(SECRET)?) })
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let message = PublishedMessage { id: header("webhook-id"), body };
    let at = updraft::Timestamp(header("webhook-timestamp").parse::<u64>().unwrap() * 1_000);
    if message.signature(SECRET, at) != Some(header("webhook-signature")) {
        receiver.unsigned.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED;
    }
    assert_eq!(header("content-type"), "application/json");
    let answer = receiver.answers.lock().unwrap().pop();
    if let Some(status) = answer.filter(|status| !status.is_success()) {
        return status;
    }
    receiver.told.lock().unwrap().push(serde_json::from_str(&message.body).unwrap());
    StatusCode::NO_CONTENT
}

impl Receiver {
    /// Serves it at an address, which is returned.
    async fn serve(&self, address: &str) -> String {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let routes = Router::new().route("/hooks", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }

    /// What it was told of each execution, the same event once.
    fn of_executions(&self) -> BTreeMap<String, Vec<String>> {
        let (mut of, mut seen) = (BTreeMap::<String, Vec<String>>::new(), BTreeSet::new());
        for told in self.told() {
            let data = &told["data"];
            if seen.insert(data["cursor"].to_string()) {
                let peid = data["peid"].as_str().unwrap().to_owned();
                of.entry(peid).or_default().push(data["event"].as_str().unwrap().to_owned());
            }
        }
        of
    }
}

fn builder(harness: &Harness, address: &str) -> Builder {
    let http = HttpIntegration::builder().allow(address.parse().unwrap()).build().unwrap();
    let secrets = SecretMap::default().with(tenant("acme"), name("key"), Secret::new(SECRET).unwrap());
    harness.builder().integration("http", http).secrets(secrets).fire_triggers(true)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn to_webhook(address: &str, more: &str) -> Publication {
    let text = format!(
        "publication: results\nto: {{webhook: {{url: 'http://{address}/hooks', secret: key, timeout: 2s}}}}\n{more}"
    );
    Publication::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

async fn put(engine: &Engine, publication: Publication) -> Result<bool, PublicationError> {
    engine.publications().put(&tenant("acme"), publication, PublishFrom::Start, asked()).await
}

async fn entry(engine: &Engine) -> PublicationEntry {
    engine.publications().get(&tenant("acme"), &name("results")).await.unwrap().unwrap()
}

const ECHO: &str = "steps:\n  - {id: one, action: tool.echo, arguments: {score: 1.25}}\n";

#[tokio::test]
async fn a_receiver_is_told_what_it_asked_for_signed_and_with_the_output() {
    let (harness, receiver) = (Harness::default(), Receiver::default());
    let address = receiver.serve("127.0.0.1:0").await;
    let engine = started(&builder(&harness, &address)).await;
    assert!(put(&engine, to_webhook(&address, "when: event.playbook == 'told'\n")).await.unwrap());
    completed(&harness.submit(&engine, &named("other", ECHO), json!({})).await).await;
    let handle = harness.submit(&engine, &named("told", ECHO), json!({})).await;
    completed(&handle).await;
    until(async || !receiver.told().is_empty() && entry(&engine).await.progress.delivered == 1).await;
    let told = receiver.told();
    let [message] = &told[..] else { panic!("{told:?}") };
    assert_eq!(message["type"], "execution.ended");
    let data = &message["data"];
    assert_eq!((&data["tenant"], &data["peid"]), (&json!("acme"), &json!(handle.peid())));
    assert_eq!((&data["status"], &data["output"]["score"]), (&json!("completed"), &json!(1.25)));
    // Two that started, one that ended and is another's.
    until(async || entry(&engine).await.progress.filtered == 3).await;
    let progress = entry(&engine).await.progress;
    assert!(progress.last.is_some() && progress.trouble.is_none() && progress.refused == 0, "{progress:?}");
}

#[tokio::test]
async fn a_message_is_signed_with_the_instant_that_it_names_however_long_its_secret_takes() {
    let (harness, receiver) = (Harness::default(), Receiver::default());
    let address = receiver.serve("127.0.0.1:0").await;
    let engine = started(&builder(&harness, &address).secrets(SlowSecrets(harness.clock.clone()))).await;
    put(&engine, to_webhook(&address, "")).await.unwrap();
    completed(&harness.submit(&engine, &named("told", ECHO), json!({})).await).await;
    until(async || entry(&engine).await.progress.delivered == 1).await;
    assert_eq!(receiver.unsigned.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_refused_is_told_later_and_what_cannot_be_told_is_given_up_with_its_reason() {
    let (harness, receiver) = (Harness::default(), Receiver::default());
    let address = receiver.serve("127.0.0.1:0").await;
    let engine = started(&builder(&harness, &address)).await;
    *receiver.answers.lock().unwrap() = vec![StatusCode::SERVICE_UNAVAILABLE, StatusCode::GONE];
    put(&engine, to_webhook(&address, "when: event.output.score > 1\n")).await.unwrap();
    completed(&harness.submit(&engine, &named("told", ECHO), json!({})).await).await;
    until(async || entry(&engine).await.progress.delivered == 1).await;
    assert!(receiver.answers.lock().unwrap().is_empty() && entry(&engine).await.progress.refused == 0);
    // It has no score.
    let other = named("other", "steps:\n  - {id: one, action: tool.echo, arguments: {host: h1}}\n");
    completed(&harness.submit(&engine, &other, json!({})).await).await;
    until(async || entry(&engine).await.progress.refused == 1).await;
    let refusal = entry(&engine).await.progress.refusal.expect("it is kept why");
    assert!(refusal.attempts == 1 && refusal.why.contains("score"), "{refusal:?}");
    completed(&harness.submit(&engine, &named("told", ECHO), json!({})).await).await;
    until(async || entry(&engine).await.progress.delivered == 2).await;
    assert_eq!(receiver.told().len(), 2, "what was given up is not told");
}

#[tokio::test]
async fn over_crashes_and_a_receiver_that_was_away_each_event_is_told_in_its_order() {
    const ROUNDS: usize = 4;
    let (harness, receiver) = (Harness::default(), Receiver::default());
    // Nobody listens there yet.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let builder = builder(&harness, &free);
    let mut engine = started(&builder).await;
    put(&engine, to_webhook(&free, "events: [started, waiting, ended]\n")).await.unwrap();
    let pid = harness.put(&engine, &named("told", ECHO)).await;
    let mut peids = Vec::new();
    for round in 0..ROUNDS {
        let submitted = (0..30).map(|_| engine.submit(Submission::new(tenant("acme"), pid)));
        peids.extend(future::join_all(submitted).await.into_iter().map(|handle| handle.unwrap().peid()));
        if round == 1 {
            until(async || entry(&engine).await.progress.trouble.is_some()).await;
            let _ = receiver.serve(&free).await;
        }
        tokio::time::sleep(Duration::from_millis(round as u64 * 20)).await;
        drop(engine);
        engine = started(&builder).await;
    }
    until(async || receiver.of_executions().values().filter(|told| told.len() == 2).count() == peids.len())
        .await;
    let of = receiver.of_executions();
    assert!(of.values().all(|told| told == &["started", "ended"]), "{of:?}");
    assert_eq!(of.keys().cloned().collect::<BTreeSet<_>>(), peids.iter().map(ToString::to_string).collect());
}

#[tokio::test]
async fn a_paused_one_tells_later_and_one_that_is_put_again_goes_on() {
    let (harness, receiver) = (Harness::default(), Receiver::default());
    let address = receiver.serve("127.0.0.1:0").await;
    let engine = started(&builder(&harness, &address)).await;
    put(&engine, to_webhook(&address, "")).await.unwrap();
    let (acme, results) = (tenant("acme"), name("results"));
    engine.publications().pause(&acme, &results, asked()).await.unwrap();
    let again = engine.publications().pause(&acme, &results, asked()).await;
    assert!(matches!(again, Err(PublicationError::AsItWas { is_paused: true, .. })));
    completed(&harness.submit(&engine, &named("told", ECHO), json!({})).await).await;
    engine.flush().await.unwrap();
    assert!(!put(&engine, to_webhook(&address, "output: false\n")).await.unwrap());
    assert_eq!(entry(&engine).await.paused, Some(asked()));
    assert!(receiver.told().is_empty());
    engine.publications().resume(&acme, &results, asked()).await.unwrap();
    until(async || receiver.told().len() == 1).await;
    assert_eq!(receiver.told()[0]["data"].get("output"), None);
    assert!(engine.publications().list(&tenant("globex")).await.unwrap().is_empty());
    engine.publications().remove(&acme, &results, asked()).await.unwrap();
    assert!(engine.publications().get(&acme, &results).await.unwrap().is_none());
}

#[tokio::test]
async fn a_tenant_has_its_share_of_publications_and_a_cursor_of_another_store_begins_none() {
    let harness = Harness::default();
    let engine = started(&builder(&harness, "127.0.0.1:9")).await;
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let put = async |tenant: &TenantCode, number: usize, from| {
        let definition = Publication { publication: name(&format!("p{number}")), ..to_webhook("h", "") };
        engine.publications().put(tenant, definition, from, asked()).await
    };
    for number in 0..32 {
        assert!(put(&acme, number, PublishFrom::Now).await.unwrap());
    }
    let refused = put(&acme, 32, PublishFrom::Now).await.unwrap_err();
    assert_eq!(refused.to_string(), "acme has 32 publications: one of them has to be removed first");
    assert!(put(&globex, 32, PublishFrom::Now).await.unwrap());
    assert!(!put(&acme, 31, PublishFrom::Now).await.unwrap(), "one that is there may be changed");
    let of_another: EventCursor = "7fffffffffffff00-00000000000000000000000000000000".parse().unwrap();
    let refused = put(&globex, 33, PublishFrom::After(of_another)).await.unwrap_err();
    assert!(!refused.retryable() && refused.to_string().contains("cursor"), "{refused}");
    assert_eq!(engine.publications().list(&globex).await.unwrap().len(), 1);
}

#[tokio::test]
async fn events_become_messages_of_a_stream() {
    let (harness, redis) = (Harness::default(), RedisServer::start());
    let waits = Duration::from_millis(500);
    let settings = RedisSettings::for_test(&redis.address()).wait(waits).patience(waits);
    let engine = started(&builder(&harness, "127.0.0.1:9").redis(settings)).await;
    let text = "publication: results\nto: {stream: {stream: results, secret: key}}\n";
    put(&engine, Publication::parse(text.as_bytes()).unwrap()).await.unwrap();
    let handle = harness.submit(&engine, &named("told", ECHO), json!({})).await;
    completed(&handle).await;
    until(async || redis.tell(&["XLEN", "results"]) == ":1\r\n").await;
    let told = redis.tell(&["XRANGE", "results", "-", "+"]);
    assert!(told.contains(&handle.peid().to_string()) && told.contains("v1,"), "{told}");
    // A server that was away gets what came meanwhile.
    soon(async { redis.stop() }).await;
    completed(&harness.submit(&engine, &named("told", ECHO), json!({})).await).await;
    engine.flush().await.unwrap();
    redis.go_on();
    until(async || redis.tell(&["XLEN", "results"]) == ":2\r\n").await;
}
