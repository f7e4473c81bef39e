//! Options of commands that run executions.

use clap::Args;
use updraft::{Durability, Span};

use super::Grants;
use crate::durability;
use crate::redis::RedisOption;

/// How executions are run.
#[derive(Debug, Args)]
pub(crate) struct Work {
    #[command(flatten)]
    pub(crate) grants: Grants,
    #[command(flatten)]
    pub(crate) redis: RedisOption,
    /// How long an accepted execution waits for a secret, permission or integration that is missing.
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    pub(crate) configuration_wait: Span,
    /// How long an approval waits whose step does not say it.
    #[arg(long, default_value = "7d", value_name = "SPAN")]
    pub(crate) approval_wait: Span,
    /// How long a step waits for a signal that does not say it.
    #[arg(long, default_value = "1d", value_name = "SPAN")]
    pub(crate) signal_wait: Span,
    /// How long a step waits for a sub-playbook that does not say it.
    #[arg(long, default_value = "8d", value_name = "SPAN")]
    pub(crate) child_wait: Span,
    /// What an accepted execution survives: `fsync`, also a loss of power; `os`, the end of the process.
    #[arg(long, default_value = "fsync", value_name = "fsync|os", value_parser = durability::parse)]
    pub(crate) durability: Durability,
}
