//! Options of what is asked of one execution, or of all that fit.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use updraft::{ExecutionId, ExecutionStatus, Name, Span, TenantCode};

use super::Data;

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The execution's id.
    #[arg(required_unless_present = "fits")]
    pub(crate) peid: Option<ExecutionId>,
    /// In place of one execution, all that fit: `all`, `status=failed`, `playbook=NAME`, `since=24h`, `until=1h` (submitted so long
    /// ago). Repeatable; all has to fit. Says how many they are, and asks.
    #[arg(long = "where", id = "fits", value_name = "FIELD=VALUE", conflicts_with = "peid")]
    pub(crate) fits: Vec<Fit>,
    /// Does it to what `--where` finds without a question.
    #[arg(long, requires = "fits")]
    pub(crate) yes: bool,
    /// Who asks for it.
    #[arg(long)]
    pub(crate) uid: Arc<str>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Arc<str>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
}

/// What an execution has to be like.
#[derive(Debug, Clone)]
pub(crate) enum Fit {
    All,
    Status(ExecutionStatus),
    Playbook(Name),
    /// Submitted since so long ago.
    Since(Duration),
    /// Submitted before so long ago.
    Until(Duration),
}

impl FromStr for Fit {
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
pub(crate) struct CancelExecution {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Prints an array of what became of each of those that `--where` finds.
    #[arg(long, requires = "fits")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}
