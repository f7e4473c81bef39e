//! Options of kept answers of tools.

use clap::{Args, Subcommand};
use updraft::{Name, TenantCode};

use super::Data;
use crate::redis::RedisOption;

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Forgets what a tool has answered: who asks next asks the tool. Answers that tenants share are forgotten for all of them.
    Forget(Box<ForgetAnswers>),
}

#[derive(Debug, Args)]
pub(crate) struct ForgetAnswers {
    /// The tool.
    pub(crate) tool: Name,
    /// One action of it; all where none is named.
    #[arg(long, conflicts_with = "value")]
    pub(crate) action: Option<Name>,
    /// What the answers are about, such as a hash: those of calls that had it as their key, or among their first arguments.
    #[arg(long)]
    pub(crate) value: Option<String>,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) redis: RedisOption,
    #[command(flatten)]
    pub(crate) data: Data,
}
