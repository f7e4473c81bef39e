//! Executions that wait, for their tools or for people: their memory, and how long a restart takes to run them again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use updraft::{Handle, Playbook, Submission, TenantCode};
use updraft_load::{LoadOptions, Metrics, RunStore, Workload, process};

use crate::Options;
use crate::bench::{Bench, tell};

/// Executions that wait.
const WAITING: usize = 100_000;
/// Submissions at once: the memory of submitters is not that of executions.
const AT_ONCE: usize = 64;

/// A playbook that does nothing but ask.
const QUESTION: &str = "format: 1\nname: question\nversion: 1\nsteps:\n  - {approval: 'Isolate the host?', assignees: [alice]}\n";

/// Waits until so many attempts wait for their tool.
async fn all_wait(metrics: &Metrics) {
    while metrics.gauge("updraft_attempts_running") < WAITING as f64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Submits until so many are accepted.
async fn submit(
    work: &Arc<Workload>,
    submission: impl Fn(&Workload, usize) -> Submission + Clone + Send + 'static,
) -> Vec<Handle> {
    let mut loops = JoinSet::new();
    for first in 0..AT_ONCE {
        let (work, submission) = (work.clone(), submission.clone());
        loops.spawn(async move {
            let mut kept = Vec::new();
            for number in (first..WAITING).step_by(AT_ONCE) {
                kept.push(work.engine.submit(submission(&work, number)).await.expect("accepted"));
            }
            kept
        });
    }
    loops.join_all().await.into_iter().flatten().collect()
}

/// Executions that have left memory while they wait for people.
pub(crate) async fn people() {
    let metrics = Metrics::install().expect("a recorder");
    let Bench { work, directory: _directory } = Bench::durable(&LoadOptions::default()).await;
    let tenant = TenantCode::new("people").expect("a tenant");
    let playbook = Playbook::parse(QUESTION.as_bytes()).expect("a playbook");
    let pid = work.engine.playbooks().put(&tenant, playbook).await.expect("stored");
    let resident = || process::usage().expect("/proc").resident_bytes;
    let before = resident();
    drop(submit(&work, move |_, _| Submission::new(tenant.clone(), pid)).await);
    while metrics.gauge("updraft_executions_in_flight") > 0.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    work.engine.flush().await.expect("stored");
    tell("people", resident().saturating_sub(before) as f64 / 1e6);
    let _ = work.engine.shutdown(Duration::ZERO).await;
}

pub(crate) async fn flight() {
    let metrics = Metrics::install().expect("a recorder");
    let Bench { work, directory: _directory } = Bench::durable(&LoadOptions::default()).await;
    work.let_tools_answer(false);
    let resident = || process::usage().expect("/proc").resident_bytes;
    let before = resident();
    let handles = submit(&work, Workload::submission).await;
    all_wait(&metrics).await;
    work.engine.flush().await.expect("stored");
    let after = resident();
    tell("flight", after as f64 / 1e6);
    tell("flight.each", after.saturating_sub(before) as f64 / WAITING as f64);
    drop(handles);
    let _ = work.engine.shutdown(Duration::ZERO).await;
}

/// The engine of a restart, whose tools hang.
async fn engine(directory: &Path) -> Arc<Workload> {
    let options = LoadOptions { resumes: true, ..LoadOptions::default() };
    Arc::new(Workload::start(&options, directory, &RunStore::Embedded).await.expect("an engine"))
}

pub(crate) async fn restart() {
    let metrics = Metrics::install().expect("a recorder");
    let directory = tempfile::tempdir().expect("a directory");
    let own = std::env::current_exe().expect("this program");
    let mut child = Command::new(own);
    child.args(["--case", "restart-child", "--data"]).arg(directory.path()).stdout(Stdio::piped());
    let mut child = child.spawn().expect("a process");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("all wait"));
    // SIGKILL.
    child.kill().expect("killed");
    child.wait().expect("gone");
    let began = Instant::now();
    let work = engine(directory.path()).await;
    all_wait(&metrics).await;
    tell("restart", began.elapsed().as_secs_f64());
    let _ = work.engine.shutdown(Duration::ZERO).await;
}

/// The process that is killed.
pub(crate) async fn child(options: &Options) {
    let metrics = Metrics::install().expect("a recorder");
    let work = engine(options.data.as_ref().expect("--data")).await;
    let _handles = submit(&work, Workload::submission).await;
    all_wait(&metrics).await;
    println!("all wait");
    std::future::pending::<()>().await;
}
