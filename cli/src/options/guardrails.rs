//! Options of what an operator lets playbooks do.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use updraft::{Name, TenantCode};

use super::Data;

#[derive(Debug, Args)]
pub(crate) struct GuardrailOptions {
    /// What is asked.
    #[command(subcommand)]
    pub(crate) what: GuardrailCommand,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GuardrailCommand {
    /// Lists the guardrails, with who set them and why.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Sets the guardrails of a file, all or none, in place of those of the same names.
    Set {
        /// A file of guardrails, YAML or JSON.
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// Clears a guardrail, whoever declared it: it does not hold until it is set again.
    Clear {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
    /// Lists who changed guardrails, which calls they refused, and who let some pass; the newest first.
    Audit {
        /// About this customer alone.
        #[arg(long)]
        tenant: Option<TenantCode>,
        /// The most that are listed.
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct By {
    /// Who asks.
    #[arg(long)]
    pub(crate) uid: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
}
