//! An execution whose loop of 100,000 items has ended, and that waits for its next tool: how long a start takes to run it again,
//! with all that is read from the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use updraft::{Answer, Call, Engine, Integration, Json, Playbook, Submission, TenantCode};
use updraft_load::process;

use crate::bench::tell;

/// Items of the loop.
const ITEMS: usize = 100_000;

/// A call for each item, then one that does not end.
const LOOP: &str = "format: 1
name: sweep
version: 1
steps:
  - {for_each: input.hosts, at_once: 100, do: [{id: look, action: tool.answer, arguments: {host: '{{ item }}'}}]}
  - {id: last, action: tool.hang}
";

/// A tool that answers at once, or never.
#[derive(Default)]
struct Tool {
    /// Notified when the call that does not end begins.
    hangs: Notify,
}

impl Integration for Tool {
    fn actions(&self) -> &[&str] {
        &["answer", "hang"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            if call.action.as_str() == "hang" {
                self.hangs.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(Json::null())
        })
    }
}

async fn engine(directory: &std::path::Path) -> (Engine, Arc<Tool>) {
    let tool = Arc::new(Tool::default());
    let builder = Engine::builder().data(directory).shared_integration("tool", tool.clone());
    (builder.start().await.expect("an engine"), tool)
}

pub(crate) async fn resume() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, tool) = engine(directory.path()).await;
    let tenant = TenantCode::new("resume").expect("a tenant");
    let playbook = Playbook::parse(LOOP.as_bytes()).expect("a playbook");
    let pid = first.playbooks().put(&tenant, playbook).await.expect("stored");
    let hosts: Vec<usize> = (0..ITEMS).collect();
    let began = Instant::now();
    let submission = Submission::new(tenant, pid).input(serde_json::json!({"hosts": hosts}));
    first.submit(submission).await.expect("accepted");
    tool.hangs.notified().await;
    tell("resume.first", began.elapsed().as_secs_f64());
    first.flush().await.expect("stored");
    let _ = first.shutdown(Duration::ZERO).await;
    drop((first, tool));
    let resident = process::usage().expect("/proc").resident_bytes;
    let began = Instant::now();
    let (second, tool) = engine(directory.path()).await;
    tool.hangs.notified().await;
    tell("resume", began.elapsed().as_secs_f64());
    let after = process::usage().expect("/proc").resident_bytes;
    tell("resume.memory", after.saturating_sub(resident) as f64 / 1e6);
    let _ = second.shutdown(Duration::ZERO).await;
}
