//! An engine with Redis: what one has read the next one on its store finds there; without it everything goes on, and is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::Duration;

use updraft::{
    Answer, Call, Engine, EngineTrouble, ExecutionStatus, Integration, Json, PlaybookId, RedisSettings,
    Submission,
};
use updraft_redis::testing::RedisServer;
use updraft_tests::{playbook, soon, tenant, until};

struct AtOnce;

impl Integration for AtOnce {
    fn actions(&self) -> &[&str] {
        &["answer"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::from(serde_json::json!(1)))))
    }
}

async fn engine(data: &Path, redis: &RedisServer) -> Engine {
    let settings = RedisSettings::for_test(&redis.address()).wait(Duration::from_millis(300));
    let settings = settings.patience(Duration::from_millis(500));
    let builder = Engine::builder().data(data).integration("tool", AtOnce).redis(settings);
    soon(builder.start()).await.unwrap()
}

async fn put(engine: &Engine) -> PlaybookId {
    let one = playbook("steps:\n  - {id: a, action: tool.answer}\n");
    engine.playbooks().put(&tenant("acme"), one).await.unwrap()
}

async fn runs(engine: &Engine, pid: PlaybookId) {
    let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
}

/// How often the definition of a playbook was read from the store, and how often it was found in Redis.
async fn read(engine: &Engine) -> (u64, u64) {
    let snapshot = engine.snapshot().await;
    let of = snapshot.caches.iter().find(|of| of.kind == "playbook").unwrap();
    (of.loads, of.shared)
}

fn redis_is_down(troubles: &[EngineTrouble]) -> bool {
    troubles.iter().any(|trouble| matches!(trouble, EngineTrouble::RedisDown { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_engine_has_read_the_next_one_finds_in_redis() {
    let (data, redis) = (tempfile::tempdir().unwrap(), RedisServer::start());
    let first = engine(data.path(), &redis).await;
    let pid = put(&first).await;
    runs(&first, pid).await;
    assert_eq!(read(&first).await, (1, 0));
    let _ = soon(first.shutdown(Duration::from_secs(20))).await;
    drop(first);
    let second = engine(data.path(), &redis).await;
    runs(&second, pid).await;
    assert_eq!(read(&second).await, (0, 1));
    assert!(second.snapshot().await.redis.is_some_and(|redis| redis.answered > 0));
    let other_data = tempfile::tempdir().unwrap();
    let other = engine(other_data.path(), &redis).await;
    let pid = put(&other).await;
    runs(&other, pid).await;
    assert_eq!(read(&other).await, (1, 0), "another store's playbooks are not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_an_engine_starts_runs_and_says_so() {
    let (data, mut redis) = (tempfile::tempdir().unwrap(), RedisServer::start());
    redis.kill();
    let engine = engine(data.path(), &redis).await;
    let pid = put(&engine).await;
    runs(&engine, pid).await;
    let health = engine.health().await;
    assert!(redis_is_down(&health.troubles), "{health:?}");
    redis.restart();
    until(async || engine.health().await.is_well()).await;
    redis.stop();
    runs(&engine, pid).await;
    until(async || redis_is_down(&engine.health().await.troubles)).await;
    redis.go_on();
    until(async || engine.health().await.is_well()).await;
    runs(&engine, pid).await;
}
