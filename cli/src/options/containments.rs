//! Options of what is asked of containments.

use std::sync::Arc;

use clap::{Args, Subcommand};
use updraft::{ContainmentId, Span, TenantCode};

use super::Data;

#[derive(Debug, Args)]
pub(crate) struct Containments {
    /// Nothing lists the open ones.
    #[command(subcommand)]
    pub(crate) what: Option<ContainmentCommand>,
    /// Those of this target alone, ended ones included.
    #[arg(long)]
    pub(crate) target: Option<Arc<str>>,
    /// The most that are listed.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: usize,
    /// As a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
    /// Of which customer.
    #[arg(long, default_value = "default", global = true)]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContainmentCommand {
    /// Lets one last longer than it would.
    Extend {
        #[command(flatten)]
        of: AskedContainment,
        /// How long from now: `8h`.
        #[arg(long = "for", value_name = "SPAN")]
        lasts: Span,
    },
    /// Ends one, and leaves its target as it is.
    Keep {
        #[command(flatten)]
        of: AskedContainment,
    },
    /// Undoes one at once.
    Undo {
        #[command(flatten)]
        of: AskedContainment,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AskedContainment {
    /// The id of the containment.
    pub(crate) id: ContainmentId,
    /// Who asks.
    #[arg(long)]
    pub(crate) uid: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
}
