//! Options of flow control: quotas of tenants, pauses of all that is theirs, circuits of tools.

use clap::{Args, Subcommand, ValueEnum};
use updraft::{Name, PauseScope, TenantCode};

use super::{By, Data};

#[derive(Debug, Args)]
pub(crate) struct QuotaOptions {
    /// What is asked.
    #[command(subcommand)]
    pub(crate) what: QuotaCommand,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Lists the tenants that have other quotas than the default, with these.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Sets the quotas of a tenant, in place of what was set before; what is left out is as the engine is configured.
    Set {
        /// Whose.
        tenant: TenantCode,
        #[command(flatten)]
        quota: QuotaFields,
        #[command(flatten)]
        by: By,
    },
    /// Clears what was set for a tenant: what the engine is configured with holds.
    Clear {
        /// Whose.
        tenant: TenantCode,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct QuotaFields {
    /// Executions in flight; others wait.
    #[arg(long, value_name = "N")]
    pub(crate) in_flight: Option<u64>,
    /// Tasks that call tools at once; others wait.
    #[arg(long, value_name = "N")]
    pub(crate) tasks_at_once: Option<u32>,
    /// Queued executions; further submissions are refused.
    #[arg(long, value_name = "N")]
    pub(crate) queued: Option<u64>,
    /// Submissions a second; further ones are refused.
    #[arg(long, value_name = "N")]
    pub(crate) per_second: Option<u32>,
    /// Submissions together, after a pause; as many as in a second where nothing is said.
    #[arg(long, value_name = "N", requires = "per_second")]
    pub(crate) burst: Option<u32>,
    /// Turns in a round, where tenants wait for the same.
    #[arg(long, value_name = "N")]
    pub(crate) weight: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct BreakerOptions {
    /// What is asked.
    #[command(subcommand)]
    pub(crate) what: BreakerCommand,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BreakerCommand {
    /// Lists what people have decided, with who and why.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Decides whether calls of a tool are made, whatever they say of it, until it is released.
    Force {
        #[command(flatten)]
        circuit: Circuit,
        /// `open`: none is made; `closed`: all are.
        #[arg(long)]
        to: ForceTo,
        #[command(flatten)]
        by: By,
    },
    /// Leaves it to the calls again.
    Release {
        #[command(flatten)]
        circuit: Circuit,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Circuit {
    /// The tool.
    pub(crate) integration: Name,
    /// Of this customer alone.
    #[arg(long)]
    pub(crate) tenant: Option<TenantCode>,
    /// Of this host and port alone, as in the URL of its calls: `edr.example:443`.
    #[arg(long)]
    pub(crate) host: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ForceTo {
    Open,
    Closed,
}

#[derive(Debug, Args)]
pub(crate) struct HoldScope {
    /// A customer, or a playbook of one in all its versions: `acme`, `acme/isolate`.
    pub(crate) scope: PauseScope,
    #[command(flatten)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct ListHeld {
    /// As a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}
