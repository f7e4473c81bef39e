//! Triggers of queues: each message of a stream starts one execution, through crashes of the engine and of Redis; what starts
//! nothing is moved aside with its reason; and what finds no room waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use updraft::{
    Builder, Detail, Engine, EngineTrouble, ExecutionDocument, ExecutionQuery, ExecutionsOf, Name, Quota,
    RedisSettings, SubmissionRate, Trigger, TriggerEntry, TriggerError,
};
use updraft_redis::testing::RedisServer;
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, named, soon, tenant, until};

/// The pause between two looks at a queue in which there is nothing.
const LOOKS: Duration = Duration::from_millis(100);

const QUEUE: &str = "{stream: alerts, body: alert, attempts: 2}";

struct World {
    harness: Harness,
    redis: RedisServer,
}

impl World {
    fn new() -> Self {
        Self { harness: Harness::default(), redis: RedisServer::start() }
    }

    fn builder(&self) -> Builder {
        let waits = Duration::from_millis(500);
        let settings = RedisSettings::for_test(&self.redis.address()).wait(waits).patience(waits);
        self.harness.builder().redis(settings).fire_triggers(true)
    }

    async fn start(&self) -> Engine {
        updraft_tests::started(&self.builder()).await
    }

    async fn put(&self, engine: &Engine, version: u32, queue: &str, more: &str) -> Result<(), TriggerError> {
        let report = named("report", "steps:\n  - {id: say, action: tool.echo}\n");
        self.harness.put(engine, &report).await;
        let file =
            format!("trigger: alerts\nversion: {version}\nplaybook: report\non: {{queue: {queue}}}\n{more}");
        let trigger = Trigger::parse(file.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        engine.triggers().put(&tenant("acme"), trigger, asked()).await.map(drop)
    }

    /// Adds a message whose alert says this.
    fn add(&self, alert: &str) {
        self.redis.tell(&["XADD", "alerts", "*", "alert", alert]);
    }

    /// How often the stream was read.
    fn reads(&self) -> u64 {
        let told = self.redis.tell(&["INFO", "commandstats"]);
        let calls = told.lines().find_map(|line| line.strip_prefix("cmdstat_xreadgroup:calls="));
        calls.and_then(|calls| calls.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// How often each unsettled message was given, as the group counts.
    fn given(&self) -> Vec<u64> {
        let told = self.redis.tell(&["XPENDING", "alerts", "updraft", "-", "+", "100"]);
        let numbers = told.lines().filter_map(|line| line.strip_prefix(':')?.parse().ok());
        // Of each the milliseconds since it was given come first.
        numbers.skip(1).step_by(2).collect()
    }

    /// Whether messages were given to a consumer and are not settled.
    fn unsettled(&self) -> bool {
        let told = self.redis.tell(&["XPENDING", "alerts", "updraft"]);
        !told.starts_with("*4\r\n:0\r\n")
    }
}

async fn executions(engine: &Engine) -> Vec<ExecutionDocument> {
    engine.flush().await.unwrap();
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let (tenant, of) = (tenant("acme"), ExecutionsOf::Any);
        let query = ExecutionQuery { tenant, of, after, limit: 1_000, detail: Detail::Whole };
        let (page, next) = engine.reader().executions(query).await.unwrap();
        all.extend(page);
        let Some(next) = next else { return all };
        after = Some(next);
    }
}

/// The inputs of all executions.
async fn inputs(engine: &Engine) -> BTreeSet<String> {
    let all = executions(engine).await;
    let inputs: BTreeSet<String> =
        all.iter().map(|document| document.head.input.as_str().to_owned()).collect();
    assert_eq!(inputs.len(), all.len(), "each message starts one execution");
    inputs
}

async fn entry(engine: &Engine) -> TriggerEntry {
    engine.triggers().get(&tenant("acme"), &Name::new("alerts").unwrap()).await.unwrap().unwrap()
}

/// Why the queue is not read, as health says it.
async fn unread(engine: &Engine) -> Option<String> {
    engine.health().await.troubles.into_iter().find_map(|trouble| match trouble {
        EngineTrouble::QueueUnread { tenant, trigger, cause, .. } => {
            assert_eq!((tenant.as_str(), trigger.as_str()), ("acme", "alerts"));
            Some(cause)
        }
        _ => None,
    })
}

#[tokio::test]
async fn each_message_starts_one_execution_and_one_that_starts_none_is_moved_aside_with_its_reason() {
    let world = World::new();
    world.add(r#"{"host": "first"}"#);
    let engine = world.start().await;
    let more = "when: event.body.host != 'quiet'\ninput: {host: '{{ event.body.host }}'}\n";
    world.put(&engine, 1, QUEUE, more).await.unwrap();
    world.add(r#"{"host": "second"}"#);
    world.add(r#"{"host": "quiet"}"#);
    world.add("no JSON");
    world.add(r#"{"other": 1}"#);
    world.add(r#"{"host": "last"}"#);
    until(async || executions(&engine).await.len() == 3 && !world.unsettled()).await;
    let expected: BTreeSet<String> =
        ["first", "second", "last"].map(|host| format!(r#"{{"host":"{host}"}}"#)).into();
    assert_eq!(inputs(&engine).await, expected);
    let dead = world.redis.tell(&["XRANGE", "alerts:dead", "-", "+"]);
    for told in ["no JSON", "field alert: is no JSON", "updraft.reason", r#"{"other": 1}"#, "updraft.id"] {
        assert!(dead.contains(told), "{told}: {dead}");
    }
    // Counts are stored once a second.
    until(async || {
        let history = entry(&engine).await.history;
        (history.fired, history.filtered, history.refused) == (3, 1, 2)
    })
    .await;

    engine.triggers().pause(&tenant("acme"), &Name::new("alerts").unwrap(), asked()).await.unwrap();
    // Its reader is gone once the stream is not asked any more.
    let before = Cell::new(0);
    until(async || {
        tokio::time::sleep(LOOKS * 3).await;
        let reads = world.reads();
        before.replace(reads) == reads
    })
    .await;
    world.add(r#"{"host": "in the pause"}"#);
    assert_eq!(executions(&engine).await.len(), 3);
    engine.triggers().resume(&tenant("acme"), &Name::new("alerts").unwrap(), asked()).await.unwrap();
    until(async || executions(&engine).await.len() == 4).await;
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn a_field_of_a_message_tells_that_it_came_before() {
    let world = World::new();
    let engine = world.start().await;
    world.put(&engine, 1, "{stream: alerts, idempotency_field: id}", "").await.unwrap();
    for id in ["1", "2", "1", "1", "2", "3"] {
        world.redis.tell(&["XADD", "alerts", "*", "id", id]);
    }
    until(async || entry(&engine).await.history.fired == 3 && !world.unsettled()).await;
    assert_eq!(executions(&engine).await.len(), 3);
    assert_eq!(entry(&engine).await.history.fired, 3, "those that came before start nothing");
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_or_taken_twice_over_ten_crashes() {
    const MESSAGES: usize = 3_000;
    let world = World::new();
    let first = world.start().await;
    world.put(&first, 1, QUEUE, "input: '{{ event.body.n }}'\n").await.unwrap();
    drop(first);
    for number in 0..MESSAGES {
        world.add(&format!(r#"{{"n": {number}}}"#));
    }
    for crash in 1..=10 {
        let engine = world.start().await;
        let wanted = crash * MESSAGES / 12;
        until(async || executions(&engine).await.len() >= wanted).await;
        // Whatever it is about to do.
        drop(engine);
    }
    let last = world.start().await;
    until(async || executions(&last).await.len() >= MESSAGES && !world.unsettled()).await;
    let expected: BTreeSet<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(inputs(&last).await, expected);
    let _ = soon(last.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn what_finds_no_room_waits_in_the_stream_until_there_is_some() {
    let world = World::new();
    let narrow = world.builder().executions_in_flight(1).backlog(2);
    let engine = updraft_tests::started(&narrow).await;
    let gate = named("report", "steps:\n  - {id: gate, action: tool.gate}\n");
    world.harness.put(&engine, &gate).await;
    let file = "{trigger: alerts, version: 1, playbook: report, on: {queue: {stream: alerts}}}";
    let trigger = Trigger::parse(file.as_bytes()).unwrap();
    engine.triggers().put(&tenant("acme"), trigger, asked()).await.unwrap();
    for number in 0..20 {
        world.add(&number.to_string());
    }
    world.harness.tool.begun(1).await;
    until(async || engine.queued() == 2).await;
    assert!(world.unsettled(), "others wait for room");
    drop(engine);
    let engine = updraft_tests::started(&narrow).await;
    until(async || engine.queued() == 2 && world.unsettled()).await;
    assert!(world.given().iter().all(|given| *given == 1), "neither waiting nor a restart is an attempt");
    world.harness.tool.open(20);
    until(async || executions(&engine).await.len() == 20 && !world.unsettled()).await;
    assert_eq!(inputs(&engine).await.len(), 20);
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn a_server_that_is_emptied_or_restarted_is_read_on() {
    let mut world = World::new();
    let engine = world.start().await;
    world.put(&engine, 1, QUEUE, "input: '{{ event.body.n }}'\n").await.unwrap();
    world.add(r#"{"n": 1}"#);
    until(async || executions(&engine).await.len() == 1).await;
    world.redis.tell(&["FLUSHALL"]);
    world.add(r#"{"n": 2}"#);
    until(async || executions(&engine).await.len() == 2).await;
    world.redis.kill();
    until(async || unread(&engine).await.is_some()).await;
    world.redis.restart();
    world.add(r#"{"n": 3}"#);
    until(async || executions(&engine).await.len() == 3).await;
    // It stands still, and goes on.
    world.redis.stop();
    until(async || unread(&engine).await.is_some()).await;
    world.redis.go_on();
    world.add(r#"{"n": 4}"#);
    until(async || executions(&engine).await.len() == 4 && unread(&engine).await.is_none()).await;
    assert_eq!(inputs(&engine).await, ["1", "2", "3", "4"].map(str::to_owned).into());
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn an_engine_without_redis_refuses_a_queue_and_a_stream_of_its_own_is_none() {
    let world = World::new();
    let bare = world.harness.builder().fire_triggers(true).start().await.unwrap();
    let refused = world.put(&bare, 1, QUEUE, "").await.unwrap_err().to_string();
    assert_eq!(refused, "on.queue: a queue is a stream in Redis, and this engine has none");
    let refused = world.put(&bare, 1, "{stream: 'updraft:x'}", "").await.unwrap_err().to_string();
    assert!(refused.starts_with("on.queue.stream: "), "{refused}");
}

#[tokio::test]
async fn a_message_that_starts_nothing_is_moved_aside_at_its_last_attempt_through_restarts() {
    let world = World::new();
    let queue = "{stream: alerts, body: alert, attempts: 100}";
    let first = world.start().await;
    world.put(&first, 1, queue, "").await.unwrap();
    world.add("no JSON");
    // The group counts the first delivery, then each attempt that has failed.
    until(async || world.given().first().is_some_and(|given| *given >= 3)).await;
    drop(first);
    let id = world.redis.tell(&["XRANGE", "alerts", "-", "+"]);
    let id = id.lines().find(|line| line.contains('-')).unwrap();
    let consumer = world.redis.tell(&["XINFO", "CONSUMERS", "alerts", "updraft"]);
    let consumer = consumer.lines().nth(5).unwrap();
    // Far beyond what this test could wait for.
    let claim = ["XCLAIM", "alerts", "updraft", consumer, "0", id, "RETRYCOUNT", "100", "JUSTID"];
    world.redis.tell(&claim);
    let last = world.start().await;
    until(async || world.redis.tell(&["XLEN", "alerts:dead"]).trim() == ":1" && !world.unsettled()).await;
    until(async || entry(&last).await.history.refused == 1).await;
    let _ = soon(last.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn what_a_dead_consumer_left_is_taken_over_with_its_failures() {
    let world = World::new();
    world.redis.tell(&["XGROUP", "CREATE", "alerts", "updraft", "0", "MKSTREAM"]);
    world.add(r#"{"n": 1}"#);
    world.add("no JSON");
    world.redis.tell(&["XREADGROUP", "GROUP", "updraft", "another", "STREAMS", "alerts", ">"]);
    // It was given them more than a minute ago, and the second had failed once.
    let told = world.redis.tell(&["XRANGE", "alerts", "-", "+"]);
    let ids: Vec<&str> = told.lines().filter(|line| line.contains('-') && !line.contains(' ')).collect();
    let [one, two] = ids[..] else { panic!("{told}") };
    for (id, given) in [(one, "1"), (two, "2")] {
        let claim = [
            "XCLAIM",
            "alerts",
            "updraft",
            "another",
            "0",
            id,
            "IDLE",
            "61000",
            "RETRYCOUNT",
            given,
            "JUSTID",
        ];
        world.redis.tell(&claim);
    }
    let engine = world.start().await;
    world.put(&engine, 1, QUEUE, "input: '{{ event.body.n }}'\n").await.unwrap();
    until(async || executions(&engine).await.len() == 1 && !world.unsettled()).await;
    assert_eq!(inputs(&engine).await, ["1".to_owned()].into());
    assert_eq!(world.redis.tell(&["XLEN", "alerts:dead"]).trim(), ":1", "at its second attempt");
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn what_a_quota_refuses_waits_in_the_stream_and_is_no_attempt() {
    let world = World::new();
    let one_a_second =
        Quota { submissions: Some(SubmissionRate { per_second: 4, burst: 1 }), ..Quota::default() };
    let engine = updraft_tests::started(&world.builder().quota(one_a_second)).await;
    world
        .put(&engine, 1, "{stream: alerts, body: alert, attempts: 1}", "input: '{{ event.body.n }}'\n")
        .await
        .unwrap();
    for number in 0..6 {
        world.add(&format!(r#"{{"n": {number}}}"#));
    }
    until(async || executions(&engine).await.len() == 6 && !world.unsettled()).await;
    assert_eq!(inputs(&engine).await, (0..6).map(|number| number.to_string()).collect());
    assert_eq!(world.redis.tell(&["XLEN", "alerts:dead"]).trim(), ":0");
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}

#[tokio::test]
async fn a_queue_that_is_no_stream_is_told_by_health_until_it_is_one() {
    let world = World::new();
    world.redis.tell(&["SET", "alerts", "text"]);
    let engine = world.start().await;
    world.put(&engine, 1, QUEUE, "").await.unwrap();
    until(async || unread(&engine).await.is_some_and(|why| why.contains("WRONGTYPE"))).await;
    world.redis.tell(&["DEL", "alerts"]);
    world.add(r#"{"n": 1}"#);
    until(async || executions(&engine).await.len() == 1 && unread(&engine).await.is_none()).await;
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
}
