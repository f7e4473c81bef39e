//! Options of what people and other programs tell a running execution.

use std::sync::Arc;

use clap::Args;
use updraft::{ExecutionId, Name, Priority, Span, StepId, TaskId, TenantCode};

use super::{Data, whole};

#[derive(Debug, Args)]
pub(crate) struct AnswerApproval {
    /// The execution's id.
    pub(crate) peid: ExecutionId,
    /// The choice: `approve`, `refuse`, or what the approval names.
    pub(crate) choice: StepId,
    /// Who answers.
    #[arg(long)]
    pub(crate) uid: Arc<str>,
    /// A group that this person is in; as often as needed.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<Arc<str>>,
    /// What the person adds.
    #[arg(long)]
    pub(crate) comment: Option<Arc<str>>,
    /// What the person fills in, where the approval has a form: a map, as JSON.
    #[arg(long, value_name = "JSON")]
    pub(crate) form: Option<String>,
    /// The step that asks, where several wait.
    #[arg(long)]
    pub(crate) step: Option<StepId>,
    /// The task that asks, where several of the step wait, or to be told who was first.
    #[arg(long, conflicts_with = "step")]
    pub(crate) task: Option<TaskId>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct ShowInbox {
    /// Only what this person may still answer.
    #[arg(long, value_name = "UID")]
    pub(crate) person: Option<Arc<str>>,
    /// A group that the person is in, as often as needed; without a person, only what names this group.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<Arc<str>>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = whole::<u32>(1..=u64::from(u32::MAX)))]
    pub(crate) limit: u32,
    /// Prints an array of the approvals.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct SendSignal {
    /// The execution's id.
    pub(crate) peid: ExecutionId,
    /// The name of the signal.
    pub(crate) name: Name,
    /// The id that the sender gives it: the same id has no effect a second time.
    #[arg(long)]
    pub(crate) id: Arc<str>,
    /// The key, where the step that waits has one.
    #[arg(long)]
    pub(crate) key: Option<Arc<str>>,
    /// What the step gets as its output, as JSON.
    #[arg(long, default_value = "null", value_name = "JSON")]
    pub(crate) payload: String,
    /// Who gives it: a person or a service.
    #[arg(long)]
    pub(crate) uid: Arc<str>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Arc<str>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct HoldExecution {
    /// The execution's id.
    pub(crate) peid: ExecutionId,
    /// Who asks for it.
    #[arg(long)]
    pub(crate) uid: Arc<str>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Arc<str>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct PrioritiseExecution {
    #[command(flatten)]
    pub(crate) hold: HoldExecution,
    /// How urgent it is: `critical`, `high`, `normal` or `low`.
    #[arg(long)]
    pub(crate) priority: Priority,
}

#[derive(Debug, Args)]
pub(crate) struct SkipTask {
    #[command(flatten)]
    pub(crate) hold: HoldExecution,
    /// The task, as `why` names it.
    #[arg(long)]
    pub(crate) task: TaskId,
    /// This person has the right to skip approvals.
    #[arg(long)]
    pub(crate) operate: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExtendWait {
    #[command(flatten)]
    pub(crate) hold: HoldExecution,
    /// The task, as `why` names it.
    #[arg(long)]
    pub(crate) task: TaskId,
    /// How long from now: `8h`.
    #[arg(long = "for", value_name = "SPAN")]
    pub(crate) lasts: Span,
}
