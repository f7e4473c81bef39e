//! How fast messages of a stream become executions, over ten kills of the engine's process, beside what `submit` alone accepts. Each
//! execution is held against its message. Needs `redis-server`. Prints one line; `docs/benchmarks.md` records it.
//!
//! `cargo run --release -p updraft --example stream -- [MESSAGES]`

mod figures;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use figures::{Failed, Nothing, cpu_seconds, now, playbook, print, resident_bytes};
use tokio::task::JoinSet;
use updraft::{
    Asked, Builder, Detail, Engine, ExecutionQuery, ExecutionsOf, RedisSettings, Submission, TenantCode,
    Trigger,
};
use updraft_redis::testing::RedisServer;
use updraft_redis::{Redis, pipe};

/// Submissions at once of `submit` alone: as many as are read from a stream at once.
const SUBMITTING: usize = 128;
/// Messages that are added at once.
const ADDED: usize = 10_000;
const KILLS: u64 = 10;

fn asked() -> Asked {
    Asked { uid: "benchmark".into(), reason: "the stream is read".into() }
}

fn acme() -> Result<TenantCode, Failed> {
    Ok(TenantCode::new("acme")?)
}

/// What `submit` alone accepts in a second.
async fn submitted_per_s(count: u64) -> Result<f64, Failed> {
    let directory = tempfile::tempdir()?;
    let builder = Engine::builder().data(directory.path()).integration("tool", Nothing).backlog(count);
    let engine = Arc::new(builder.start().await?);
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

/// How many messages were not acknowledged yet.
fn left(server: &RedisServer) -> u64 {
    let told = server.tell(&["XINFO", "GROUPS", "alerts"]);
    let lines: Vec<&str> = told.lines().collect();
    let number = |name: &str| {
        let at = lines.iter().position(|line| *line == name);
        at.and_then(|at| lines.get(at + 1)?.strip_prefix(':')?.parse::<u64>().ok())
    };
    number("pending").zip(number("lag")).map_or(u64::MAX, |(pending, lag)| pending + lag)
}

/// Waits until no more than so many are left.
async fn until_left(server: &RedisServer, most: u64) {
    while left(server) > most {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many messages have started no execution, and how many of the executions are of a message that has another one, or of none.
async fn lost_and_doubled(engine: &Engine, messages: u64) -> Result<(u64, u64), Failed> {
    let mut seen = vec![false; usize::try_from(messages)?];
    let (mut after, mut doubled) = (None, 0);
    loop {
        let (tenant, of) = (acme()?, ExecutionsOf::Any);
        let query = ExecutionQuery { tenant, of, after, limit: 1_000, detail: Detail::Whole };
        let (page, next) = engine.reader().executions(query).await?;
        for execution in page {
            let input: String = serde_json::from_str(execution.head.input.as_str())?;
            let first =
                seen.get_mut(input.parse::<usize>()?).is_some_and(|seen| !std::mem::replace(seen, true));
            doubled += u64::from(!first);
        }
        let Some(next) = next else { break };
        after = Some(next);
    }
    Ok((seen.iter().filter(|seen| !**seen).count() as u64, doubled))
}

fn builder(directory: &Path, server: &str, messages: u64) -> Result<Builder, Failed> {
    let builder = Engine::builder().data(directory).integration("tool", Nothing).backlog(messages);
    Ok(builder.redis(RedisSettings::new(server)?).fire_triggers(true))
}

/// The process that is killed: an engine, until its input ends.
async fn serve(directory: &Path, server: &str, messages: u64) -> Result<(), Failed> {
    let engine = builder(directory, server, messages)?.start().await?;
    tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop)).await?;
    let _ = engine.shutdown(Duration::from_secs(60)).await;
    Ok(())
}

fn serving(directory: &Path, server: &str, messages: u64) -> Result<Child, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg(directory).arg(server).arg(messages.to_string());
    Ok(command.stdin(Stdio::piped()).spawn()?)
}

async fn run(messages: u64) -> Result<(), Failed> {
    let alone = submitted_per_s(messages.min(200_000)).await?;
    let (directory, server) = (tempfile::tempdir()?, RedisServer::start());
    let (path, address) = (directory.path(), server.address());
    let redis = Redis::connect(RedisSettings::new(&address)?).await?;
    for from in (0..messages).step_by(ADDED) {
        add(&redis, from, (messages - from).min(ADDED as u64)).await?;
    }
    let file = b"{trigger: alerts, version: 1, playbook: nothing, on: {queue: {stream: alerts}}, input: '{{ event.fields.n }}'}";
    let engine = builder(path, &address, messages)?.fire_triggers(false).start().await?;
    engine.playbooks().put(&acme()?, playbook()?).await?;
    engine.triggers().put(&acme()?, Trigger::parse(file)?, asked()).await?;
    let _ = engine.shutdown(Duration::from_secs(60)).await;
    let (began, cpu) = (now(), cpu_seconds());
    for kill in 1..=KILLS {
        let mut engine = serving(path, &address, messages)?;
        until_left(&server, messages - kill * messages / (KILLS + 2)).await;
        engine.kill()?;
        engine.wait()?;
    }
    let mut engine = serving(path, &address, messages)?;
    until_left(&server, 0).await;
    let took = began.elapsed().as_secs_f64();
    let memory = resident_bytes(&engine.id().to_string());
    drop(engine.stdin.take());
    engine.wait()?;
    let cpu = cpu_seconds() - cpu;
    let engine = builder(path, &address, messages)?.fire_triggers(false).start().await?;
    let (lost, doubled) = lost_and_doubled(&engine, messages).await?;
    let _ = engine.shutdown(Duration::from_secs(60)).await;
    print(&format!(
        "{messages} messages over {KILLS} kills: {lost} lost, {doubled} doubled, {:.0} a second, {:.0} µs of CPU each, {} MB; submit alone \
         {alone:.0} a second",
        messages as f64 / took,
        cpu * 1e6 / messages as f64,
        memory >> 20,
    ));
    Ok(())
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &arguments[..] {
        [serving, directory, server, messages] if serving == "serve" => {
            runtime.block_on(serve(Path::new(directory), server, messages.parse()?))
        }
        _ => runtime.block_on(run(arguments.first().map_or(Ok(1_000_000), |text| text.parse())?)),
    }
}
