//! Kept answers that are over their time: one who asks waits for the tool, the others are given what is there; who wants no kept
//! answer is given none; and answers outlive their engine in Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use updraft::{
    ActionSpec, Answer, CacheFound, Call, Effect, Engine, ExecutionStatus, Failure, FailureKind, Handle,
    Integration, Json, Name, Playbook, RedisSettings, Submission,
};
use updraft_redis::testing::RedisServer;
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, completed, named, soon, tenant, until};

/// A look-up that counts its calls, and answers when it may.
#[derive(Clone)]
struct Intel {
    calls: Arc<AtomicUsize>,
    may_answer: Arc<Semaphore>,
    /// The next so many fail.
    fails: Arc<AtomicUsize>,
}

impl Intel {
    fn open() -> Self {
        let may_answer = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { calls: Arc::default(), may_answer, fails: Arc::default() }
    }

    fn close(&self) {
        self.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Integration for Intel {
    fn actions(&self) -> &[&str] {
        &["look"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        ActionSpec { effect: Effect::Read, ..ActionSpec::default() }
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            self.may_answer.acquire().await.unwrap().forget();
            let fails = |left: usize| left.checked_sub(1);
            if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
                return Err(Failure::new(FailureKind::Status, "not now"));
            }
            Ok(Json::from(json!({"ip": call.arguments["ip"].as_str(), "call": number})))
        })
    }
}

fn asks(cache: &str) -> Playbook {
    let step = "steps:\n  - id: look\n    action: intel.look\n    arguments: {ip: 203.0.113.9}\n";
    named("asks", &format!("{step}    retry: {{attempts: 1}}\n    cache: {cache}\n"))
}

async fn submit(harness: &Harness, engine: &Engine, cache: &str) -> Handle {
    harness.submit(engine, &asks(cache), json!({})).await
}

/// What the one task of a completed execution found, and the number of the call that gave its answer.
async fn found(handle: &Handle) -> (Option<CacheFound>, u64) {
    completed(handle).await;
    let task = soon(handle.inspect()).await.unwrap().tasks.remove(0);
    let used = task.state.call.as_ref().and_then(|call| call.cache);
    (used.map(|used| used.found), task.state.response.unwrap().value()["call"].as_u64().unwrap())
}

#[tokio::test]
async fn one_asks_anew_and_the_others_are_given_what_is_there() {
    const CACHE: &str = "{ttl: 1ms, stale: 1h}";
    let (harness, intel) = (Harness::default(), Intel::open());
    let engine = harness.builder().integration("intel", intel.clone()).start().await.unwrap();
    assert_eq!(found(&submit(&harness, &engine, CACHE).await).await, (Some(CacheFound::Miss), 1));
    intel.close();
    // Longer than it is fresh.
    tokio::time::sleep(Duration::from_millis(3)).await;
    let anew = submit(&harness, &engine, CACHE).await;
    until(async || intel.calls() == 2).await;
    for _ in 0..10 {
        let other = submit(&harness, &engine, CACHE).await;
        assert_eq!(found(&other).await, (Some(CacheFound::Stale), 1));
    }
    intel.may_answer.add_permits(1);
    assert_eq!(found(&anew).await, (Some(CacheFound::Miss), 2));

    // Who asks anew in vain fails, and the next one asks.
    intel.fails.store(1, Ordering::SeqCst);
    intel.may_answer.add_permits(9);
    tokio::time::sleep(Duration::from_millis(3)).await;
    let vain = submit(&harness, &engine, CACHE).await;
    assert_eq!(soon(vain.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    assert_eq!(found(&submit(&harness, &engine, CACHE).await).await, (Some(CacheFound::Miss), 4));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn one_that_is_cancelled_while_it_asks_anew_leaves_that_to_the_next() {
    const CACHE: &str = "{ttl: 1ms, stale: 1h}";
    let (harness, intel) = (Harness::default(), Intel::open());
    let engine = harness.builder().integration("intel", intel.clone()).start().await.unwrap();
    found(&submit(&harness, &engine, CACHE).await).await;
    intel.close();
    tokio::time::sleep(Duration::from_millis(3)).await;
    let anew = submit(&harness, &engine, CACHE).await;
    until(async || intel.calls() == 2).await;
    let _ = soon(anew.cancel(updraft_tests::asked())).await.unwrap();
    let next = submit(&harness, &engine, CACHE).await;
    until(async || intel.calls() == 3).await;
    intel.may_answer.add_permits(9);
    assert_eq!(found(&next).await, (Some(CacheFound::Miss), 3));
}

#[tokio::test]
async fn who_wants_no_kept_answer_asks_and_keeps_nothing_and_so_do_its_sub_playbooks() {
    const CACHE: &str = "{ttl: 1h}";
    let (harness, intel) = (Harness::default(), Intel::open());
    let engine = harness.builder().integration("intel", intel.clone()).start().await.unwrap();
    let pid = harness.put(&engine, &asks(CACHE)).await;
    let fresh = || Submission::new(tenant("acme"), pid).no_cache();
    assert_eq!(found(&engine.submit(fresh()).await.unwrap()).await, (None, 1));
    assert_eq!(found(&submit(&harness, &engine, CACHE).await).await, (Some(CacheFound::Miss), 2));
    assert_eq!(found(&engine.submit(fresh()).await.unwrap()).await, (None, 3));
    let outer = harness.put(&engine, &named("outer", "steps:\n  - {playbook: asks}\n")).await;
    completed(&engine.submit(Submission::new(tenant("acme"), outer).no_cache()).await.unwrap()).await;
    assert_eq!(intel.calls(), 4);
    completed(&engine.submit(Submission::new(tenant("acme"), outer)).await.unwrap()).await;
    assert_eq!(intel.calls(), 4);
    assert_eq!(found(&submit(&harness, &engine, CACHE).await).await, (Some(CacheFound::Hit), 2));
}

#[tokio::test]
async fn answers_outlive_their_engine_in_redis_until_they_are_forgotten() {
    const CACHE: &str = "{ttl: 1h}";
    let (harness, intel, server) = (Harness::default(), Intel::open(), RedisServer::start());
    let waits = Duration::from_millis(500);
    let settings = || RedisSettings::for_test(&server.address()).wait(waits).patience(waits);
    let builder = || harness.builder().integration("intel", intel.clone()).redis(settings());
    let start = async || {
        let engine = builder().start().await.unwrap();
        // It reads nothing there before it has been told of everything.
        until(async || engine.health().await.troubles.is_empty()).await;
        engine
    };
    let first = start().await;
    found(&submit(&harness, &first, CACHE).await).await;
    let _ = first.shutdown(TEST_TIMEOUT).await;
    let kept = server.tell(&["KEYS", "updraft:????????????????:{*:answer:*"]);
    let left = server.tell(&["PTTL", kept.lines().last().unwrap()]);
    let left: u64 = left.trim().trim_start_matches(':').parse().unwrap();
    assert!((1..=3_600_000).contains(&left), "no longer than it is of use: {left}");
    let second = start().await;
    assert_eq!(found(&submit(&harness, &second, CACHE).await).await, (Some(CacheFound::Hit), 1));
    let forgets = second.cache();
    forgets.forget(&tenant("acme"), &Name::new("intel").unwrap(), None, Some("203.0.113.9")).await;
    let _ = second.shutdown(TEST_TIMEOUT).await;
    let third = start().await;
    assert_eq!(found(&submit(&harness, &third, CACHE).await).await, (Some(CacheFound::Miss), 2));
    let _ = third.shutdown(TEST_TIMEOUT).await;
}
