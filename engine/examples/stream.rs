//! How fast messages of a stream become executions, over ten crashes of the engine, beside what `submit` alone accepts. Needs
//! `redis-server`. Prints one line; `docs/benchmarks.md` records it.
//!
//! `cargo run --release -p updraft --example stream -- [MESSAGES]`

mod figures;

use std::sync::Arc;
use std::time::Duration;

use figures::{Failed, Nothing, cpu_seconds, now, playbook, print, resident_bytes};
use tokio::task::JoinSet;
use updraft::{
    Asked, Builder, Detail, Engine, ExecutionQuery, ExecutionsOf, Name, RedisSettings, StartError,
    StoreError, Submission, TenantCode, Trigger,
};
use updraft_redis::testing::RedisServer;
use updraft_redis::{Redis, pipe};

/// Submissions at once of `submit` alone: as many as are read from a stream at once.
const SUBMITTING: usize = 128;
/// Messages that are added at once.
const ADDED: usize = 10_000;
const CRASHES: u64 = 10;

fn asked() -> Asked {
    Asked { uid: "benchmark".into(), reason: "the stream is read".into() }
}

fn acme() -> Result<TenantCode, Failed> {
    Ok(TenantCode::new("acme")?)
}

/// Starts an engine, once the one before has let go of the directory.
async fn started(builder: &Builder) -> Result<Engine, Failed> {
    loop {
        match builder.clone().start().await {
            Err(StartError::Store(StoreError::InUse { .. })) => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            started => return Ok(started?),
        }
    }
}

/// What `submit` alone accepts in a second.
async fn submitted_per_s(count: u64) -> Result<f64, Failed> {
    let directory = tempfile::tempdir()?;
    let builder = Engine::builder().data(directory.path()).integration("tool", Nothing).backlog(count);
    let engine = Arc::new(started(&builder).await?);
    let pid = engine.playbooks().put(&acme()?, playbook()?).await?;
    let (began, mut submitting) = (now(), JoinSet::new());
    for _ in 0..count {
        if submitting.len() >= SUBMITTING
            && let Some(ended) = submitting.join_next().await
        {
            let _: Result<(), updraft::SubmitError> = ended?;
        }
        let (engine, submission) = (engine.clone(), Submission::new(acme()?, pid));
        submitting.spawn(async move { engine.submit(submission).await.map(drop) });
    }
    while submitting.join_next().await.is_some() {}
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

async fn add(redis: &Redis, from: u64, count: u64) -> Result<(), Failed> {
    let mut commands = pipe();
    for number in from..from + count {
        commands.cmd("XADD").arg("alerts").arg("*").arg("n").arg(number).ignore();
    }
    Ok(redis.run::<()>(commands).await?)
}

/// Whether every message was read and acknowledged.
fn is_settled(server: &RedisServer) -> bool {
    let told = server.tell(&["XINFO", "GROUPS", "alerts"]);
    told.contains("pending\r\n:0\r\n") && told.contains("lag\r\n:0\r\n")
}

/// How often the trigger has fired; a count that a crash has cut off may be short.
async fn fired(engine: &Engine) -> Result<u64, Failed> {
    let name = Name::new("alerts")?;
    let entry = engine.triggers().get(&acme()?, &name).await?;
    Ok(entry.map_or(0, |entry| entry.history.fired))
}

/// All executions of the tenant.
async fn executions(engine: &Engine) -> Result<u64, Failed> {
    let (mut after, mut count) = (None, 0);
    loop {
        let (tenant, of) = (acme()?, ExecutionsOf::Any);
        let query = ExecutionQuery { tenant, of, after, limit: 1_000, detail: Detail::Summary };
        let (page, next) = engine.reader().executions(query).await?;
        count += page.len() as u64;
        let Some(next) = next else { return Ok(count) };
        after = Some(next);
    }
}

async fn run(messages: u64) -> Result<(), Failed> {
    let alone = submitted_per_s(messages.min(200_000)).await?;
    let (directory, server) = (tempfile::tempdir()?, RedisServer::start());
    let redis = Redis::connect(RedisSettings::new(&server.address())?).await?;
    let builder = Engine::builder().data(directory.path()).integration("tool", Nothing).backlog(messages);
    let builder = builder.redis(RedisSettings::new(&server.address())?).fire_triggers(true);
    let engine = started(&builder).await?;
    engine.playbooks().put(&acme()?, playbook()?).await?;
    for from in (0..messages).step_by(ADDED) {
        add(&redis, from, (messages - from).min(ADDED as u64)).await?;
    }
    let file = b"{trigger: alerts, version: 1, playbook: nothing, on: {queue: {stream: alerts}}}";
    engine.triggers().put(&acme()?, Trigger::parse(file)?, asked()).await?;
    let (began, cpu, mut engine) = (now(), cpu_seconds(), engine);
    for crash in 1..=CRASHES {
        while fired(&engine).await? < crash * messages / (CRASHES + 2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(engine);
        engine = started(&builder).await?;
    }
    while !is_settled(&server) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed().as_secs_f64();
    engine.flush().await?;
    let count = executions(&engine).await?;
    let _ = engine.shutdown(Duration::from_secs(60)).await;
    print(&format!(
        "{messages} messages over {CRASHES} crashes: {count} executions, {:.0} a second, {:.0} µs of CPU each, {} MB; submit alone \
         {alone:.0} a second",
        messages as f64 / took,
        (cpu_seconds() - cpu) * 1e6 / messages as f64,
        resident_bytes() >> 20
    ));
    Ok(())
}

fn main() -> Result<(), Failed> {
    let messages = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(messages))
}
