//! Options of the check of playbooks.

use std::path::PathBuf;

use clap::Args;

use super::{DATA, Grants};

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Playbooks, YAML or JSON, or CACAO playbooks.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) grants: Grants,
    /// Does not look for the secrets that the playbooks name: for a machine that has none.
    #[arg(long)]
    pub(crate) without_secrets: bool,
    /// A file of guardrails: says which steps each of them concerns.
    #[arg(long, value_name = "FILE")]
    pub(crate) guardrails: Option<PathBuf>,
    /// The data directory, whose list of what HTTP steps may reach counts here too.
    #[arg(long, env = "UPDRAFT_DATA", default_value = DATA, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Prints an array of the files, each with its mistakes and with the places that let a value be structure: the message, the
    /// path of fields, and the range of lines and columns. With `--watch`, a file a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Checks a file again whenever it has changed, until Ctrl-C.
    #[arg(long)]
    pub(crate) watch: bool,
}
