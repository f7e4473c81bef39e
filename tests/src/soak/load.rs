//! The load of the soak: playbooks that between them do everything that an engine does, one execution after the
//! other. Remembers of them what adds up, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;
use updraft::{
    Answer, BreakerPolicy, Builder, Call, Detail, Engine, ExecutionQuery, ExecutionStatus, ExecutionsOf,
    Failure, FailureKind, Integration, Name, Playbook, Submission, TenantCode,
};

use crate::crash::{PanickingTool, http};
use crate::harness::{asked, named, tenant};

/// Executions under way at once; what is due beyond is left out.
pub(super) const AT_ONCE: usize = 2_000;
/// Whose they are.
const TENANTS: u64 = 8;
/// Every so many, the tenant's executions are read too.
const READ: u64 = 16;

/// How executions ended.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) completed: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) reads: AtomicU64,
}

/// The load.
pub(super) struct Load {
    tools: SocketAddr,
    /// Whether some wait for longer than they stay in memory: their number is even only after that time.
    parks: bool,
    pub(super) tally: Tally,
}

/// A tool that does as its action says, and remembers nothing.
struct Forgetful;

impl Integration for Forgetful {
    fn actions(&self) -> &[&str] {
        &["echo", "fail", "hang", "large"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            match call.action.as_str() {
                "hang" => std::future::pending().await,
                "fail" => Err(Failure::new(FailureKind::Unreachable, "as the playbook says")),
                "large" => Ok(json!("x".repeat(50_000)).into()),
                _ => Ok(json!({ "attempt": call.attempt }).into()),
            }
        })
    }
}

const BRANCHES: &str = "steps:
  - {id: begin, action: tool.echo}
  - id: sides
    parallel: all
    branches:
      left: [{id: left, action: http.request, arguments: {method: POST, url: 'http://TOOLS/act'}}]
      right: [{id: right, action: tool.echo, at_most_once: true}]
      pause: [{id: pause, delay: 20ms}]
  - id: choose
    if: 'steps.begin.output.attempt == 1'
    then: [{id: shake, action: shaky.shake, retry: {attempts: 3, initial: 1ms, max: 5ms}}]
";
const FAILS: &str = "steps:
  - {id: fail, action: tool.fail, retry: {attempts: 3, initial: 1ms, max: 5ms}}
";
const HANGS: &str = "timeout: 100ms
steps:
  - {id: hang, action: tool.hang}
";
const LARGE: &str = "steps:
  - {id: large, action: tool.large}
  - {id: more, action: tool.large}
";
/// Longer than an execution stays in memory while it waits.
const PARKS: &str = "steps:
  - {id: wait, delay: 31s}
  - {id: after, action: tool.echo}
";

/// What an execution of this number does: mostly branches, and of each other kind one in eight or fewer.
fn kind(number: u64, parks: bool) -> &'static str {
    match number % 64 {
        7 | 39 => "fails",
        15 | 47 => "hangs",
        23 => "cancelled",
        31 => "large",
        63 if parks => "parks",
        _ => "branches",
    }
}

impl Load {
    /// Starts its tools.
    pub(super) async fn start(parks: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tools = listener.local_addr().unwrap();
        let routes = Router::new().route("/act", post(async || axum::Json(json!({ "done": true }))));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { tools, parks, tally: Tally::default() }
    }

    /// The engine with its tools.
    pub(super) fn builder(&self, builder: Builder) -> Builder {
        builder
            .integration("http", http(self.tools))
            .integration("shaky", PanickingTool)
            .integration("tool", Forgetful)
            // It fails and hangs on purpose, and is to be called all the same.
            .breaker("tool", BreakerPolicy::off())
    }

    fn playbooks(&self) -> Vec<Playbook> {
        let branches = BRANCHES.replace("TOOLS", &self.tools.to_string());
        vec![
            named("branches", &branches),
            named("fails", FAILS),
            named("hangs", HANGS),
            named("cancelled", &HANGS.replace("100ms", "1h")),
            named("large", LARGE),
            named("parks", PARKS),
        ]
    }

    /// Puts the playbooks for every tenant.
    pub(super) async fn put(&self, engine: &Engine) {
        for number in 0..TENANTS {
            for playbook in self.playbooks() {
                engine.playbooks().put(&whose(number), playbook).await.unwrap();
            }
        }
    }

    /// One execution, from its submission to its end.
    pub(super) async fn one(self: Arc<Self>, engine: Arc<Engine>, number: u64) {
        let (tenant, kind) = (whose(number), kind(number, self.parks));
        let submission = Submission::new(tenant.clone(), Name::new(kind).unwrap())
            .input(json!({ "number": number }))
            .idempotency_key(number.to_string());
        let handle = engine.submit(submission).await.unwrap_or_else(|error| panic!("{}", error.refusal));
        if kind == "cancelled" {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // It may have ended: then it is told so.
            let _ = handle.cancel(asked()).await.unwrap();
        }
        let ended = handle.wait().await.unwrap();
        let tally = &self.tally;
        let of = match ended.state.execution_status {
            ExecutionStatus::Completed => &tally.completed,
            ExecutionStatus::Failed => &tally.failed,
            ExecutionStatus::Cancelled => &tally.cancelled,
            _ => &tally.timed_out,
        };
        of.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(READ) {
            let query = ExecutionQuery {
                tenant,
                of: ExecutionsOf::Any,
                after: None,
                limit: 20,
                detail: Detail::Whole,
            };
            engine.reader().executions(query).await.unwrap();
            handle.inspect().await.unwrap();
            tally.reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn whose(number: u64) -> TenantCode {
    tenant(&format!("tenant-{}", number % TENANTS))
}
