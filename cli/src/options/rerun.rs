//! Options of `updraft rerun`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use updraft::{ExecutionId, StepId, TaskId, TenantCode};

use super::{Data, Work};

#[derive(Debug, Args)]
pub(crate) struct RerunExecution {
    /// The execution that has ended.
    pub(crate) peid: ExecutionId,
    /// Who asks for it.
    #[arg(long)]
    pub(crate) uid: Arc<str>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Arc<str>,
    /// The first step that runs again; else what failed, or was not reached.
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<StepId>,
    /// Another input, JSON; `-` reads standard input. Then all runs again.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// With the newest version of the playbook; else with the same.
    #[arg(long)]
    pub(crate) newest: bool,
    /// A task of which nobody knows whether it acted, and that did. Repeatable.
    #[arg(long, value_name = "TASK")]
    pub(crate) acted: Vec<TaskId>,
    /// A task of which nobody knows whether it acted, and that did not: it runs again. Repeatable.
    #[arg(long, value_name = "TASK")]
    pub(crate) not_acted: Vec<TaskId>,
    /// An id: the same one gives the same execution, however often it is run.
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// Prints the execution with its tasks as one JSON document on standard output, at the end.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) work: Work,
}
