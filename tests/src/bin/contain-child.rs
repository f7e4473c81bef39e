//! The process that the test of containments kills: an engine that contains hosts for an hour, or one that runs an hour later and
//! undoes that. Its tool appends each call to a log, as the process does not live to count them.
//!
//! `contain-child DATA LOG contain|undo`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the test")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use updraft::{
    Answer, Call, Clock, ContainmentQuery, ContainmentStatus, ContainmentsOf, Durability, Engine,
    Integration, Submission, SystemClock, Timestamp,
};
use updraft_tests::timeouts::until;
use updraft_tests::{named, tenant};

const HOSTS: usize = 20;

/// The steps of a host that is undone.
const UNDONE: usize = 3;

const HOUR: Duration = Duration::from_secs(3600);

/// A tool that writes down what it did, and under which key.
struct Log(PathBuf);

impl Integration for Log {
    fn actions(&self) -> &[&str] {
        &["isolate", "release"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            let host = call.arguments["host"].as_str().unwrap().to_owned();
            let line = format!("{} {host} {}\n", call.action, call.task_id);
            let log = std::fs::OpenOptions::new().append(true).create(true).open(&self.0);
            log.and_then(|mut log| log.write_all(line.as_bytes())).unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(json!({ "host": host }).into())
        })
    }
}

/// The system's clock, an hour ahead: what was contained is due.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().after(HOUR)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, log, then] = arguments.as_slice() else { return };
    let builder = Engine::builder().data(data).durability(Durability::Os).shards(2);
    let builder = builder.integration("edr", Log(log.into()));
    if then == "contain" {
        let engine = builder.start().await.unwrap();
        contain(&engine).await;
        println!("contained");
        // The end comes from outside.
        return std::future::pending().await;
    }
    let engine = builder.clock(Arc::new(Later)).start().await.unwrap();
    let mut told = None;
    until(async || {
        let steps = steps(&engine).await;
        if told != Some(steps) {
            println!("{steps}");
        }
        told = Some(steps);
        steps == HOSTS * UNDONE
    })
    .await;
    let _ = engine.shutdown(Duration::from_secs(10)).await;
}

/// How far all hosts have come: each is registered, then its undo has begun, then it is undone.
async fn steps(engine: &Engine) -> usize {
    let mut steps = 0;
    for host in 0..HOSTS {
        let of = ContainmentsOf::Target(format!("ws-{host}").into());
        let query = ContainmentQuery { tenant: tenant("acme"), of, after: None, limit: 2 };
        let (found, _) = engine.containments().list(query).await.unwrap();
        steps += match found.first().map(|found| found.status) {
            None => 0,
            Some(ContainmentStatus::Active) => 1,
            Some(ContainmentStatus::Undone) => UNDONE,
            Some(_) => 2,
        };
    }
    steps
}

/// Contains the hosts. What the tasks have told is durable, and may be all that is.
async fn contain(engine: &Engine) {
    let playbook = named(
        "isolate",
        "steps:
  - id: isolate
    action: edr.isolate
    arguments: {host: \"{{ input.host }}\"}
    expires: 1h
    target: \"{{ input.host }}\"
    undo: {action: release, arguments: {host: \"{{ output.host }}\"}}
",
    );
    let pid = engine.playbooks().put(&tenant("acme"), playbook).await.unwrap();
    let mut handles = Vec::new();
    for host in 0..HOSTS {
        let submission = Submission::new(tenant("acme"), pid).input(json!({ "host": format!("ws-{host}") }));
        handles.push(engine.submit(submission).await.unwrap());
    }
    for handle in handles {
        handle.wait().await.unwrap();
    }
}
