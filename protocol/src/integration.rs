//! The integration port: what Updraft asks of a security tool. A signature, without a runtime.

mod action;
mod catalogue;
mod flaw;
mod permit;
mod sending;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::failure::Failure;
use crate::ids::{ExecutionId, Name, StepId, TaskId, TenantCode};
use crate::json::Json;
use crate::secret::{GivenSecret, Masking};
use crate::value::Value;

pub use action::{ActionSpec, Argument, Effect};
pub use catalogue::Catalogue;
pub use flaw::Flaw;
pub use permit::{CallPermit, Held, PermitFuture, PermitRequest};
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
    pub secrets: Vec<GivenSecret>,
    /// By which the integration says that another text is a secret too, as a token that it fetched.
    pub masking: Masking,
    /// How long the attempt may take from [`Sending::begin`] on. Updraft drops the future when it has passed.
    pub timeout: Duration,
    /// By which the integration says that it is about to send.
    pub sending: Sending,
    /// The place that [`Integration::permit`] gave it.
    pub permit: CallPermit,
}

impl Call {
    /// Takes the arguments, with each secret in its place as a text.
    pub fn revealed(&mut self) -> Value {
        let mut arguments = self.arguments.take();
        for secret in &self.secrets {
            if let Some(place) = arguments.at_mut(&secret.reference.place) {
                *place = Value::String(secret.text());
            }
        }
        arguments
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

    /// What is declared of an action: where nothing is, its arguments are any data, it changes something, is not known to
    /// be idempotent, and sends at once.
    fn spec(&self, _action: &str) -> ActionSpec {
        ActionSpec::default()
    }

    /// What an action does, as far as the arguments that the author wrote out tell it: what is declared of it, unless the
    /// integration knows better. `null` stands where a template or a secret does.
    fn effect(&self, action: &str, _arguments: &Value) -> Effect {
        self.spec(action).effect
    }

    /// What is wrong with the arguments that the author wrote out, beyond what [`ActionSpec::schema`] says. It is asked
    /// when a playbook is checked; `null` stands where a template or a secret does, of which nothing is known yet.
    fn check(&self, _action: &str, _arguments: &Value) -> Vec<Flaw> {
        Vec::new()
    }

    /// What the engine has to be given before this integration may connect to a place that a playbook names, as a noun:
    /// `permission to reach 127.0.0.1:7780`. None where nothing is missing. `base` is a URL up to its path.
    fn missing_for(&self, _base: &str) -> Option<String> {
        None
    }

    /// Asks for the place that a call needs, where [`ActionSpec::takes_permit`] says that it may have to wait for one. Asked
    /// before the intent of the attempt is written: a call that waits here has not been attempted, its time has not begun, and
    /// a crash leaves it to be made. None where it needs no place; the call is then made at once, and reports what is wrong
    /// with it. A failure fails the attempt as one that has not acted.
    fn permit(&self, _request: &PermitRequest<'_>) -> Option<PermitFuture> {
        None
    }

    /// One attempt at an action.
    fn call(&self, call: Call) -> Answer<'_>;
}
