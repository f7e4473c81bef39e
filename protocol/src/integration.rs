//! The integration port: what Updraft asks of a security tool. A signature, without a runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;
use crate::ids::{ExecutionId, Name, StepId, TaskId, TenantCode};
use crate::json::Json;

/// One attempt at one task: what an integration is given.
#[derive(Debug, Clone)]
pub struct Call {
    /// The customer for whom the tool acts. Credentials are chosen by it.
    pub tenant: TenantCode,
    /// The execution that asks.
    pub peid: ExecutionId,
    /// The idempotency key: the same in every attempt and after every crash.
    pub task_id: TaskId,
    /// The step that asks.
    pub step_id: StepId,
    /// What the tool shall do.
    pub action: Name,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The step's arguments, templates rendered.
    pub arguments: Value,
    /// How long the attempt may take. Updraft drops the future when it has passed.
    pub timeout: Duration,
}

/// The answer of an integration, when it comes.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Json, Failure>> + Send + 'a>>;

/// A security tool.
///
/// An attempt ends when its future ends, and is cancelled by dropping it. The future is polled on the
/// thread of a shard: it waits without blocking (long computations go to `tokio::task::spawn_blocking`).
/// A panic fails the attempt and nothing else.
///
/// ```
/// use updraft_protocol::{Answer, Call, Failure, FailureKind, Integration};
///
/// /// Answers from a list of known hashes.
/// struct HashList(Vec<String>);
///
/// impl Integration for HashList {
///     fn actions(&self) -> &[&str] {
///         &["lookup"]
///     }
///
///     fn call(&self, call: Call) -> Answer<'_> {
///         Box::pin(async move {
///             let hash = call.arguments["hash"].as_str().ok_or_else(|| {
///                 Failure::new(FailureKind::InvalidArguments, "arguments.hash: a text is needed")
///             })?;
///             Ok(serde_json::json!({ "malicious": self.0.iter().any(|known| known == hash) }).into())
///         })
///     }
/// }
///
/// assert_eq!(HashList(vec![]).actions(), ["lookup"]);
/// ```
pub trait Integration: Send + Sync + 'static {
    /// The actions that playbooks may name.
    fn actions(&self) -> &[&str];

    /// One attempt at an action.
    fn call(&self, call: Call) -> Answer<'_>;
}

/// The integrations and actions that a playbook may name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<Name, BTreeSet<String>>);

impl Catalogue {
    /// Adds an integration with its actions.
    pub fn add(&mut self, integration: Name, actions: &[&str]) {
        self.0.entry(integration).or_default().extend(actions.iter().map(|action| (*action).to_owned()));
    }

    /// The actions of an integration; none where there is no such integration.
    pub fn actions(&self, integration: &Name) -> Option<&BTreeSet<String>> {
        self.0.get(integration)
    }

    /// The names of all integrations.
    pub fn integrations(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }
}
