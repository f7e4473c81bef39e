//! How fast executions go through a backlog that stays as long: as many are submitted as have begun. Prints one line;
//! `docs/benchmarks.md` records it.
//!
//! `cargo run --release -p updraft --example backlog -- [QUEUED] [EXECUTIONS]`

mod figures;

use std::sync::Arc;
use std::time::Duration;

use figures::{Failed, Nothing, cpu_seconds, now, playbook, print, resident_bytes};
use tokio::task::JoinSet;
use updraft::{Asked, Engine, PauseScope, PlaybookId, Submission, TenantCode};

/// The number of tenants, so that every shard has work.
const TENANTS: usize = 16;
/// Executions in flight.
const PLACES: usize = 512;
/// Submissions at once.
const SUBMITTING: usize = 256;

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
    let mut of = Vec::new();
    for number in 0..TENANTS {
        let tenant = TenantCode::new(format!("tenant-{number}"))?;
        let pid = engine.playbooks().put(&tenant, playbook()?).await?;
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
        resident_bytes("self") >> 20
    ));
    let _ = engine.shutdown(Duration::ZERO).await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().collect();
    let queued = arguments.get(1).map_or(Ok(1_000), |text| text.parse())?;
    let executions = arguments.get(2).map_or(Ok(50_000), |text| text.parse())?;
    run(queued, executions).await
}
