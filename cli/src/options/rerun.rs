//! Options of `updraft rerun`.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use updraft::{ExecutionId, ExecutionStatus, Name, Span, StepId, TaskId, TenantCode};

use super::{Data, Work};

/// Which executions.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    All,
    Status(ExecutionStatus),
    Playbook(Name),
    /// Submitted since so long ago.
    Since(Duration),
    /// Submitted before so long ago.
    Until(Duration),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) = text.split_once('=').unwrap_or((text, ""));
        let span = || value.parse().map(|Span(span)| span);
        match field {
            "all" if value.is_empty() => Ok(Self::All),
            "status" => value.parse().map(Self::Status),
            "playbook" => Name::new(value).map(Self::Playbook).map_err(|error| error.to_string()),
            "since" => span().map(Self::Since),
            "until" => span().map(Self::Until),
            _ => Err("`all`, `status=`, `playbook=`, `since=` or `until=` is needed".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RerunExecution {
    /// The execution that has ended.
    #[arg(required_unless_present = "which")]
    pub(crate) peid: Option<ExecutionId>,
    /// In place of one execution, those that fit: `all` that did not complete, `status=failed`, `playbook=NAME`, `since=24h`,
    /// `until=1h` (so long ago). Repeatable; all has to fit. Says how many they are, and asks. What has been run again is left out.
    #[arg(long = "where", id = "which", value_name = "FIELD=VALUE", conflicts_with_all = ["peid", "from", "acted", "not_acted"], requires = "id")]
    pub(crate) which: Vec<Which>,
    /// Runs again what `--where` finds without a question.
    #[arg(long, requires = "which")]
    pub(crate) yes: bool,
    /// Who asks for it.
    #[arg(long)]
    pub(crate) uid: Arc<str>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Arc<str>,
    /// The first step that runs again; else what failed, or was not reached.
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<StepId>,
    /// Another input, JSON; `-` reads standard input. What may have come of what differs runs again, and every approval.
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
