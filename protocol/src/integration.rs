//! The integration port: the interface of Updraft to security tools. A signature, without a runtime.

mod action;
mod breaker;
mod call_limits;
mod catalogue;
mod flaw;
mod permit;
mod sending;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::execution_file::CallFiles;
use crate::failure::Failure;
use crate::ids::{ExecutionId, Name, StepId, TaskId, TenantCode};
use crate::json::Json;
use crate::secret::{GivenSecret, Masking};
use crate::value::Value;

pub use action::{ActionSpec, Argument, Effect, TargetKind};
pub use breaker::{BreakerError, BreakerPolicy};
pub use call_limits::{CallLimits, LimitError, Rate};
pub use catalogue::Catalogue;
pub use flaw::Flaw;
pub use permit::{CallPermit, FurtherRequests, Held, PermitFuture, PermitRequest, RequestFuture};
pub use sending::Sending;

/// One attempt at one task, as an integration gets it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The customer for whom the tool acts; selects the credentials.
    pub tenant: TenantCode,
    /// The execution.
    pub peid: ExecutionId,
    /// The idempotency key: the same in every attempt and after every crash.
    pub task_id: TaskId,
    /// The step.
    pub step_id: StepId,
    /// The action of the tool.
    pub action: Name,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The step's arguments, with templates rendered, and `null` in place of each secret.
    pub arguments: Value,
    /// The secrets of the step, by their places in the arguments.
    pub secrets: Vec<GivenSecret>,
    /// By this the integration marks another text as a secret, such as a token that it fetched.
    pub masking: Masking,
    /// How long the attempt may take after [`Sending::begin`]. Then Updraft drops the future.
    pub timeout: Duration,
    /// By this the integration reports that it is about to send.
    pub sending: Sending,
    /// The permit from [`Integration::permit`].
    pub permit: CallPermit,
    /// The files of the execution.
    pub files: CallFiles,
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

/// The future answer of an integration.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Json, Failure>> + Send + 'a>>;

/// A security tool.
///
/// An attempt ends when its future ends, and is cancelled by dropping it. The future is polled on the
/// thread of a shard: it waits without blocking (long computations go to `tokio::task::spawn_blocking`), or says
/// that it [blocks](Self::blocking_threads).
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

    /// The declaration of an action. By default its arguments are any data, it changes something, may not be
    /// idempotent, and sends at once.
    fn spec(&self, _action: &str) -> ActionSpec {
        ActionSpec::default()
    }

    /// The effect of an action for these arguments; by default the declared one. `null` is in place of each template
    /// and secret, whose values are not known yet.
    fn effect(&self, action: &str, _arguments: &Value) -> Effect {
        self.spec(action).effect
    }

    /// Whether a call may change something, whatever its author says of its effect: for guardrails, which are no author's. By
    /// default that is its effect.
    fn may_change(&self, action: &str, arguments: &Value) -> bool {
        self.effect(action, arguments) == Effect::Write
    }

    /// The flaws in the author's arguments beyond [`ActionSpec::schema`]. Called when a playbook is checked; `null` is
    /// in place of each template and secret, whose values are not known yet.
    fn check(&self, _action: &str, _arguments: &Value) -> Vec<Flaw> {
        Vec::new()
    }

    /// The version of what it declares, if that changes: an engine may have several versions, and an execution keeps the one
    /// that it began with.
    fn version(&self) -> Option<u32> {
        None
    }

    /// Whether a call with these arguments of the author writes or reads files of its execution, for which an engine needs a data
    /// directory.
    fn uses_files(&self, _action: &str, _arguments: &Value) -> bool {
        false
    }

    /// What answers for a tenant depend on beside the arguments and the secrets of a call, where that is the operator's and not
    /// in the arguments: then answers may be shared by tenants for which it is the same. By default they may not.
    fn shared_by(&self, _tenant: &TenantCode) -> Option<Json> {
        None
    }

    /// What the answer to a call with these arguments depends on, where that is not all of them: the same key, the same answer.
    /// `null` is in place of each secret.
    fn answer_key(&self, _tenant: &TenantCode, _action: &str, _arguments: &Value) -> Option<Json> {
        None
    }

    /// Whether [`shared_by`](Self::shared_by) says it for any tenant.
    fn is_shared(&self) -> bool {
        false
    }

    /// The grant that the engine lacks for a connection to an endpoint of a playbook, as a noun: `permission to reach
    /// 127.0.0.1:7780`. `None` if nothing is missing. `base` is a URL up to its path.
    fn missing_for(&self, _base: &str) -> Option<String> {
        None
    }

    /// Asks for the permit of a call, if [`ActionSpec::takes_permit`] declares that calls may have to wait for one.
    /// Called before the intent of the attempt is written: a waiting call has not been attempted, its time has not
    /// begun, and it is made again after a crash. `None` if the call needs no permit; it is then made at once, and
    /// reports its own errors. A failure fails the attempt as one that has not acted.
    fn permit(&self, _request: &PermitRequest<'_>) -> Option<PermitFuture> {
        None
    }

    /// How many threads its calls have, if they block: each call has one of these threads for itself, and holds up no other
    /// tool. By default calls do not block, and are polled on the threads of shards. At most
    /// [`BLOCKING_THREADS`](crate::limits::BLOCKING_THREADS); such a tool takes no permits of its own.
    ///
    /// A call that finds no thread waits in line with those of other tenants; it has not been attempted, and its time has not
    /// begun. A call that does not return when its time is over has its thread until it does.
    fn blocking_threads(&self) -> Option<usize> {
        None
    }

    /// Makes one attempt at an action.
    fn call(&self, call: Call) -> Answer<'_>;
}
