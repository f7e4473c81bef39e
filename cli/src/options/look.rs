//! Options of what looks at executions, and at an engine.

use std::path::PathBuf;

use clap::Args;
use updraft::{ExecutionId, ExecutionStatus, FileId, Span, TenantCode, WaitKind};
use updraft_load::whole;

use super::{DATA, Data};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The execution's id.
    pub(crate) peid: ExecutionId,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// Prints the execution with its tasks as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes this file of the execution to standard output, as it is: `file.id` in the output of a task.
    #[arg(long, value_name = "ID", conflicts_with = "json")]
    pub(crate) file: Option<FileId>,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Prints what was found as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// Only those in this status.
    #[arg(long)]
    pub(crate) status: Option<ExecutionStatus>,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = whole::<u32>(1..=u64::from(u32::MAX)))]
    pub(crate) limit: u32,
    /// Prints an array of the executions.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// Prints it as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// The data directory of the engine.
    #[arg(long, env = "UPDRAFT_DATA", default_value = DATA, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DeadLetters {
    /// Of which customer; of all where none is named.
    #[arg(long)]
    pub(crate) tenant: Option<TenantCode>,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = whole::<u32>(1..=u64::from(u32::MAX)))]
    pub(crate) limit: u32,
    /// Prints an array of them, each with the update where that was not too large.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Prints it once, as text, with the rates of a second. So it is where standard input or output is no terminal.
    #[arg(long)]
    pub(crate) once: bool,
    /// Prints it once, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// The data directory of the engine.
    #[arg(long, env = "UPDRAFT_DATA", default_value = DATA, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// What takes long, of one execution or of all tenants.
#[derive(Debug, Args)]
pub(crate) struct AskWhy {
    /// The execution's id.
    #[arg(required_unless_present = "overdue", conflicts_with = "overdue")]
    pub(crate) peid: Option<ExecutionId>,
    #[command(flatten)]
    pub(crate) overdue: AskOverdue,
    /// Only waits that are older than this.
    #[arg(long, value_name = "TIME", requires = "waiting", conflicts_with_all = ["slow", "retries"], default_value = "0s")]
    pub(crate) older: Span,
    /// How many at most, of all tenants.
    #[arg(long, default_value_t = 50, value_parser = whole::<u32>(1..=u64::from(u32::MAX)))]
    pub(crate) limit: u32,
    /// Of which customer the execution is.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

/// What an operator looks for, of all tenants.
#[derive(Debug, Args)]
#[group(id = "overdue", multiple = false)]
pub(crate) struct AskOverdue {
    /// Tasks of all tenants that wait for this, the longest wait first.
    #[arg(long, value_name = "KIND", value_parser = wait_kind)]
    pub(crate) waiting: Option<WaitKind>,
    /// Tasks of all tenants that wait for this retry or a later one, the latest first.
    #[arg(long, value_name = "NUMBER", value_parser = whole::<u32>(1..=u64::from(u32::MAX)))]
    pub(crate) retries: Option<u32>,
    /// Executions of all tenants that take longer than 19 of 20 of their playbook took.
    #[arg(long)]
    pub(crate) slow: bool,
}

/// The kinds of waits that nothing ends by itself before their deadline.
const WAITS: [WaitKind; 8] = [
    WaitKind::Approval,
    WaitKind::Signal,
    WaitKind::Child,
    WaitKind::LastFailure,
    WaitKind::Guardrail,
    WaitKind::Configuration,
    WaitKind::Retry,
    WaitKind::Cooldown,
];

fn wait_kind(text: &str) -> Result<WaitKind, String> {
    let known = || WAITS.map(WaitKind::as_str).join(", ");
    let found = WAITS.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| format!("it is one of {}", known()))
}
