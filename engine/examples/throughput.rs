//! Basic figures: executions per second of a playbook of five steps that do nothing, and the memory of executions in
//! flight. Prints one line for each; `docs/benchmarks.md` records them.
//!
//! `cargo run --release -p updraft --example throughput -- [EXECUTIONS] [fsync|os] [SUBMITTERS] [free|limited]`
//!
//! `limited` has each call pass what flow control has: limits of its tool, quotas of its tenant, guardrails. None of them is reached.

mod figures;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use figures::{Failed, Nothing, STEPS, cpu_seconds, now, playbook, print, resident_bytes};
use tokio::sync::Notify;
use updraft::{
    Answer, Asked, Builder, Call, CallLimits, Durability, Engine, Guardrail, Handle, Integration, Json,
    PlaybookId, Quota, Rate, Submission, TenantCode,
};

/// The number of tenants, so that every shard has work.
const TENANTS: usize = 16;
/// Executions in flight for the memory figure.
const IN_FLIGHT: usize = 10_000;
/// Concurrent submissions for it.
const SUBMITTING: usize = 64;

/// Answers when the gate is opened.
struct Gate {
    open: Notify,
    waiting: AtomicUsize,
}

struct Waiter(Arc<Gate>);

impl Integration for Waiter {
    fn actions(&self) -> &[&str] {
        &["nothing"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async move {
            self.0.waiting.fetch_add(1, Ordering::AcqRel);
            self.0.open.notified().await;
            Ok(Json::null())
        })
    }
}

/// Limits, quotas and guardrails that every call is held against, and none reaches.
fn limited(builder: Builder) -> Result<Builder, Failed> {
    let many = NonZeroU32::new(1_000_000).unwrap_or(NonZeroU32::MIN);
    let places = NonZeroU32::new(8_000).unwrap_or(NonZeroU32::MIN);
    let limits = CallLimits::new().at_once(places).rate(Rate::new(many, Duration::from_secs(1))?);
    let quota = Quota { tasks_at_once: Some(8_000), in_flight: Some(50_000), ..Quota::default() };
    Ok(builder.call_limits("tool", limits).quota(quota))
}

async fn guard(engine: &Engine) -> Result<(), Failed> {
    let protected = serde_json::json!({"ips": ["10.0.0.0/8"], "unknown": "allow"});
    let guardrail = serde_json::json!({"name": "own-ranges", "for": ["tool"], "protected": protected});
    let guardrail: Guardrail = serde_json::from_value(guardrail)?;
    let asked = Asked { uid: "benchmark".into(), reason: "what it costs".into() };
    Ok(engine.guardrails().set(guardrail, asked).await?)
}

async fn engine(
    directory: &std::path::Path,
    durability: Durability,
    tool: impl Integration,
    is_limited: bool,
) -> Result<(Engine, TenantCode, PlaybookId), Failed> {
    let builder = Engine::builder().data(directory).durability(durability).integration("tool", tool);
    let builder = if is_limited { limited(builder)? } else { builder };
    let engine = builder.start().await?;
    if is_limited {
        guard(&engine).await?;
    }
    let tenant = TenantCode::new("bench")?;
    let pid = engine.playbooks().put(&tenant, playbook()?).await?;
    Ok((engine, tenant, pid))
}

async fn rate(
    executions: usize,
    durability: Durability,
    submitters: usize,
    is_limited: bool,
) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let (engine, _, _) = engine(directory.path(), durability, Nothing, is_limited).await?;
    let before = cpu_seconds();
    let mut playbooks = Vec::new();
    for tenant in 0..TENANTS {
        let tenant = TenantCode::new(format!("tenant-{tenant}"))?;
        playbooks.push((tenant.clone(), engine.playbooks().put(&tenant, playbook()?).await?));
    }
    let (engine, playbooks, next) = (Arc::new(engine), Arc::new(playbooks), Arc::new(AtomicUsize::new(0)));
    let start = now();
    let tasks: Vec<_> = (0..submitters)
        .map(|_| {
            let (engine, playbooks, next) = (engine.clone(), playbooks.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::AcqRel);
                    if number >= executions {
                        return Ok::<_, Failed>(());
                    }
                    let (tenant, pid) = &playbooks[number % TENANTS];
                    let handle = engine.submit(Submission::new(tenant.clone(), *pid)).await?;
                    handle.wait().await?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let ended = start.elapsed();
    engine.flush().await?;
    let stored = start.elapsed();
    let per_second = executions as f64 / stored.as_secs_f64();
    print(&format!(
        "rate durability={durability:?} executions={executions} submitters={submitters} executions/s={per_second:.0} \
         steps/s={:.0} ended_s={:.2} stored_s={:.2} cpu_s={:.2} limited={is_limited}",
        per_second * STEPS as f64,
        ended.as_secs_f64(),
        stored.as_secs_f64(),
        cpu_seconds() - before
    ));
    let _ = engine.shutdown(Duration::from_secs(30)).await;
    Ok(())
}

async fn memory() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let gate = Arc::new(Gate { open: Notify::new(), waiting: AtomicUsize::new(0) });
    let (engine, tenant, pid) =
        engine(directory.path(), Durability::Fsync, Waiter(gate.clone()), false).await?;
    let before = resident_bytes("self");
    let engine = Arc::new(engine);
    let mut handles: Vec<Handle> = Vec::with_capacity(IN_FLIGHT);
    // Few at a time: the memory of ten thousand submitters is not that of executions.
    while handles.len() < IN_FLIGHT {
        let mut submitting = tokio::task::JoinSet::new();
        for _ in 0..SUBMITTING.min(IN_FLIGHT - handles.len()) {
            let (engine, submission) = (engine.clone(), Submission::new(tenant.clone(), pid));
            submitting.spawn(async move { engine.submit(submission).await });
        }
        while let Some(handle) = submitting.join_next().await {
            handles.push(handle??);
        }
    }
    while gate.waiting.load(Ordering::Acquire) < IN_FLIGHT {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    engine.flush().await?;
    let after = resident_bytes("self");
    print(&format!(
        "memory in_flight={IN_FLIGHT} rss_mib={} per_execution_bytes={}",
        after >> 20,
        after.saturating_sub(before) / IN_FLIGHT
    ));
    let _ = engine.shutdown(Duration::ZERO).await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().collect();
    let executions = arguments.get(1).map_or(Ok(100_000), |text| text.parse())?;
    let durability = match arguments.get(2).map(String::as_str) {
        Some("os") => Durability::Os,
        _ => Durability::Fsync,
    };
    let submitters = arguments.get(3).map_or(Ok(512), |text| text.parse())?;
    let is_limited = arguments.get(4).is_some_and(|text| text == "limited");
    if arguments.get(4).is_none() {
        memory().await?;
    }
    rate(executions, durability, submitters, is_limited).await
}
