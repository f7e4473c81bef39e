//! The process that the crash test kills: an engine that submits, runs, and says what it was told is durable.
//! Never decides whether that was right.
//!
//! `crash-child DATA TOOLS STORE fsync|os NUMBER,NUMBER,… stay|finish`

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::mpsc;
use updraft::{Durability, Engine, Handle, Shutdown, Submission};
use updraft_tests::crash::{self, ChildMessage};

/// Submissions under way at once.
const AT_ONCE: usize = 8;

fn say(said: &ChildMessage) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", said.line()).and_then(|()| out.flush()).unwrap();
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, tools, store, durability, numbers, then] = arguments.as_slice() else { return };
    let tools: SocketAddr = tools.parse().unwrap();
    let durability = if durability == "fsync" { Durability::Fsync } else { Durability::Os };
    let mut told = listen();
    say(&ChildMessage::Opening);
    let engine = match crash::builder(data, tools, store).durability(durability).start().await {
        Ok(engine) => engine,
        Err(error) => {
            say(&ChildMessage::Refused(error.to_string()));
            // The end comes from outside, whatever it is told.
            return std::future::pending().await;
        }
    };
    say(&ChildMessage::Started(engine.recovered().resumed));
    let mut ends: Vec<_> = engine.unfinished().into_iter().map(follow).collect();
    let numbers = numbers.split(',').filter_map(|number| number.parse().ok());
    let submitting = stream::iter(numbers).map(|number| submit(&engine, number, tools));
    let handles: Vec<Option<Handle>> = submitting.buffer_unordered(AT_ONCE).collect().await;
    ends.extend(handles.into_iter().flatten().map(follow));
    say(&ChildMessage::Submitted);
    if then == "finish" {
        for end in ends {
            end.await.unwrap();
        }
    } else {
        let _ = told.recv().await;
    }
    let left = engine.shutdown(Duration::from_secs(60)).await;
    say(&ChildMessage::Down(left == Shutdown::Stored));
    // The end comes from outside, or with the test that has gone.
    let _ = told.recv().await;
}

/// Submits one; none where a disk or a store has failed.
async fn submit(engine: &Engine, number: usize, tools: SocketAddr) -> Option<Handle> {
    let tenant = crash::tenant_of(number);
    let put = engine.playbooks().put(&tenant, crash::playbook(tools)).await;
    let pid = put.map_err(|error| say(&ChildMessage::Refused(error.to_string()))).ok()?;
    let submission = Submission::new(tenant.clone(), pid)
        .input(json!({ "tenant": tenant.as_str(), "number": number }))
        .idempotency_key(number.to_string());
    let submitted = engine.submit(submission).await;
    let handle = submitted.map_err(|error| say(&ChildMessage::Refused(error.refusal.to_string()))).ok()?;
    say(&ChildMessage::Accepted(number, handle.peid()));
    Some(handle)
}

/// Says when an execution has ended.
fn follow(handle: Handle) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        if let Ok(ended) = handle.wait().await {
            say(&ChildMessage::Ended(ended.peid, ended.state.execution_status));
        }
    })
}

/// What the test says; the process ends when the test has gone.
fn listen() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.blocking_send(line);
        }
        std::process::exit(0);
    });
    receiver
}
