//! Options of what looks at one execution.

use clap::Args;
use updraft::{ExecutionId, TenantCode};

use super::Data;

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
    #[command(flatten)]
    pub(crate) data: Data,
}
