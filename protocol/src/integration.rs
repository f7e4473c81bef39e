//! The integration port: what Updraft asks of a security tool. A signature, without a runtime.

mod catalogue;
mod sending;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::ids::{ExecutionId, Name, StepId, TaskId, TenantCode};
use crate::json::Json;
use crate::value::Value;

pub use catalogue::Catalogue;
pub use sending::Sending;

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
    /// The step's arguments, templates rendered. Where the author refers to a secret, `null` stands.
    pub arguments: Value,
    /// The secrets that the author refers to, by their places in the arguments.
    pub secrets: Arc<[SecretReference]>,
    /// How long the attempt may take from [`Sending::begin`] on. Updraft drops the future when it has passed.
    pub timeout: Duration,
    /// By which the integration says that it is about to send.
    pub sending: Sending,
}

/// A secret that an author refers to: `{$secret: edr-token, prefix: "Bearer "}`. Data never becomes one: it is read
/// from what the author wrote when the playbook is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// Where in the arguments it stands, as a JSON pointer (RFC 6901): `/headers/Authorization`.
    pub place: String,
    /// Its name.
    pub name: Name,
    /// What stands before it.
    pub prefix: String,
}

/// How an integration reads one argument of an action: what of it may come from alerts and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Any value: data.
    Data,
    /// A URL. Scheme, host and prefix are the author's; each value is one segment of the path or one value of the query.
    Url,
    /// A map whose names are the author's and whose values are each one text: a query, a form.
    Fields,
    /// A map whose names are the author's and whose values are each one line, or a reference to a secret.
    Headers,
    /// How the call is made: written out by the author, without templates.
    Option,
}

/// What an action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It looks something up: what cannot be read of its answer makes it fail.
    Read,
    /// It changes something: what was done is done, whatever can be read of the answer.
    Write,
}

/// What an integration declares of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSpec {
    /// How each argument is read; one that is not named is data.
    pub arguments: &'static [(&'static str, Argument)],
    /// Whether it says [`Sending::begin`] itself. Where it does not, it is taken to send at once.
    pub says_sending: bool,
}

impl ActionSpec {
    /// How the argument is read.
    pub fn argument(&self, name: &str) -> Argument {
        let known = self.arguments.iter().find(|(known, _)| *known == name);
        known.map_or(Argument::Data, |(_, argument)| *argument)
    }
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

    /// What is declared of an action: where nothing is, its arguments are data and it sends at once.
    fn spec(&self, _action: &str) -> ActionSpec {
        ActionSpec::default()
    }

    /// What an action does, as far as the arguments that the author wrote out tell it.
    fn effect(&self, _action: &str, _arguments: &Value) -> Effect {
        Effect::Write
    }

    /// One attempt at an action.
    fn call(&self, call: Call) -> Answer<'_>;
}
