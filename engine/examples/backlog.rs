//! How fast executions go through a backlog that stays as long: as many are submitted as have begun. Prints one line;
//! `docs/benchmarks.md` records it.
//!
//! `cargo run --release -p updraft --example backlog -- [QUEUED] [EXECUTIONS]`

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use updraft::{
    Answer, Asked, Call, Engine, Integration, Json, PauseScope, Playbook, PlaybookId, Submission, TenantCode,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Tenants that submit.
const TENANTS: usize = 16;
/// Executions in flight.
const PLACES: usize = 512;
/// Submissions at once.
const SUBMITTING: usize = 256;

/// Answers at once.
struct Nothing;

impl Integration for Nothing {
    fn actions(&self) -> &[&str] {
        &["nothing"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

fn asked() -> Asked {
    Asked { uid: "benchmark".into(), reason: "the backlog is filled".into() }
}

/// Submits so many, in turn by tenant.
async fn submit(engine: &Arc<Engine>, of: &[(TenantCode, PlaybookId)], count: u64) -> Result<(), Failed> {
    let mut submitting: JoinSet<Result<(), updraft::SubmitError>> = JoinSet::new();
    for number in 0..count {
        if submitting.len() >= SUBMITTING
            && let Some(ended) = submitting.join_next().await
        {
            ended??;
        }
        let (tenant, pid) = &of[number as usize % TENANTS];
        let (engine, submission) = (engine.clone(), Submission::new(tenant.clone(), *pid));
        submitting.spawn(async move { engine.submit(submission).await.map(drop) });
    }
    while let Some(ended) = submitting.join_next().await {
        ended??;
    }
    Ok(())
}

async fn run(queued: u64, executions: u64) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let builder = Engine::builder().data(directory.path()).integration("tool", Nothing);
    let engine = builder.executions_in_flight(PLACES).backlog(queued + executions).start().await?;
    let engine = Arc::new(engine);
    let mut text = "format: 1\nname: nothing\nversion: 1\nsteps:\n".to_owned();
    (0..5).for_each(|step| text += &format!("  - {{id: s{step}, action: tool.nothing}}\n"));
    let mut of = Vec::new();
    for number in 0..TENANTS {
        let tenant = TenantCode::new(format!("tenant-{number}"))?;
        let pid = engine.playbooks().put(&tenant, Playbook::parse(text.as_bytes())?).await?;
        engine.pause_all(PauseScope { tenant: tenant.clone(), playbook: None }, asked()).await?;
        of.push((tenant, pid));
    }
    submit(&engine, &of, queued).await?;
    engine.flush().await?;
    for (tenant, _) in &of {
        engine.resume_all(PauseScope { tenant: tenant.clone(), playbook: None }, asked()).await?;
    }
    // Some have begun while the others were still paused.
    let queued = engine.queued();
    let (began, cpu, mut submitted) = (now(), cpu_seconds(), 0);
    let mut next = 0;
    while submitted < executions {
        let gone = queued.saturating_sub(engine.queued()).min(executions - submitted);
        if gone == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        of.rotate_left(next);
        next = gone as usize % TENANTS;
        submit(&engine, &of, gone).await?;
        submitted += gone;
    }
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let begun = queued + submitted - engine.queued();
    print(&format!(
        "backlog queued={queued} executions={begun} executions/s={:.0} cpu_us_per_execution={:.0} rss_mib={}",
        begun as f64 / took,
        cpu * 1e6 / begun as f64,
        resident_bytes() >> 20
    ));
    let _ = engine.shutdown(Duration::ZERO).await;
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn print(line: &str) {
    println!("{line}");
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().collect();
    let queued = arguments.get(1).map_or(Ok(1_000), |text| text.parse())?;
    let executions = arguments.get(2).map_or(Ok(50_000), |text| text.parse())?;
    run(queued, executions).await
}
