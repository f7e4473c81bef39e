//! Options of `updraft rerun`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use updraft::{StepId, TaskId};

use super::{Data, Which, Work};

#[derive(Debug, Args)]
pub(crate) struct RerunExecution {
    #[command(flatten)]
    pub(crate) which: Which,
    /// A group that this person is in, for approvals that are asked at the terminal; as often as needed.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<Arc<str>>,
    /// The first step that runs again; else what failed, or was not reached.
    #[arg(long, value_name = "STEP", conflicts_with = "fits")]
    pub(crate) from: Option<StepId>,
    /// Another input, JSON; `-` reads standard input. What may have come of what differs runs again, and every approval.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// With the newest version of the playbook; else with the same.
    #[arg(long)]
    pub(crate) newest: bool,
    /// A task of which nobody knows whether it acted, and that did. Repeatable.
    #[arg(long, value_name = "TASK", conflicts_with = "fits")]
    pub(crate) acted: Vec<TaskId>,
    /// A task of which nobody knows whether it acted, and that did not: it runs again. Repeatable.
    #[arg(long, value_name = "TASK", conflicts_with = "fits")]
    pub(crate) not_acted: Vec<TaskId>,
    /// An id: the same one gives the same execution, however often it is run. `--where` needs one.
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Prints the execution with its tasks as one JSON document on standard output, at the end; of many, an array of what became of
    /// each.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) work: Work,
}
