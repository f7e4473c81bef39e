//! A SOAR backend that embeds Updraft, as small as one can be: it brings a tool of its own, a playbook and
//! an alert, follows what happens, and shuts down. The data stays in the directory that it is given, or in a
//! temporary one: `cargo run -p updraft-example-embed [DIR]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use updraft::{
    Answer, Call, Engine, EventKind, Failure, FailureKind, Integration, Playbook, Submission, TenantCode,
};

const PLAYBOOK: &[u8] = b"
format: 1
name: triage
version: 1
steps:
  - {id: lookup, action: reputation.score, arguments: {ip: '{{ input.ip }}'}}
  - id: bad
    if: steps.lookup.output.score > 80
    then:
      - {id: block, end: {verdict: 'block {{ input.ip }}', score: '{{ steps.lookup.output.score }}'}}
  - {id: ignore, end: {verdict: ignore}}
";

/// A security tool of the backend's own.
struct Reputation;

impl Integration for Reputation {
    fn actions(&self) -> &[&str] {
        &["score"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            let ip = call.arguments["ip"].as_str().ok_or_else(|| {
                Failure::new(FailureKind::InvalidArguments, "arguments.ip: a text is needed")
            })?;
            Ok(json!({ "score": if ip.starts_with("203.0.113.") { 97 } else { 3 } }).into())
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let temporary = tempfile::tempdir()?;
    let data = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let engine = Engine::builder().data(data).integration("reputation", Reputation).start().await?;

    let tenant = TenantCode::new("acme")?;
    let pid = engine.playbooks().put(&tenant, Playbook::parse(PLAYBOOK)?).await?;
    let alert = Submission::new(tenant, pid).input(json!({ "ip": "203.0.113.9" })).alert_id("ALERT-1");
    // From here on the execution survives a crash: the next start goes on with it.
    let handle = engine.submit(alert).await?;

    let mut events = std::pin::pin!(handle.events());
    while let Some(event) = events.next().await {
        match event?.kind {
            EventKind::Execution { status } => println!("execution {} {status}", handle.peid()),
            EventKind::Task { step_id: Some(step), status, .. } => println!("  {step} {status}"),
            EventKind::Task { task_id, status, .. } => println!("  task {task_id} {status}"),
            EventKind::Missed(events) => println!("  ({events} events missed)"),
        }
    }
    let execution = handle.wait().await?;
    println!("output {}", execution.state.output.ok_or("no output")?);
    println!("shutdown {:?}", engine.shutdown(Duration::from_secs(10)).await);
    Ok(())
}
