//! Options of publications: what tells other programs the events of executions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use updraft::{EventCursor, Name, TenantCode};

use super::{By, Data};

#[derive(Debug, Args)]
pub(crate) struct PublicationOptions {
    /// What is asked.
    #[command(subcommand)]
    pub(crate) what: PublicationCommand,
    /// Whose.
    #[arg(long, default_value = "default", global = true)]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PublicationCommand {
    /// Checks a publication and stores it, in place of the one of its name, which goes on from where it is.
    Put {
        /// The file, YAML or JSON.
        file: PathBuf,
        /// A new one begins with the oldest event that is stored, instead of with what happens from now on.
        #[arg(long, conflicts_with = "after")]
        from_start: bool,
        /// A new one begins after this event.
        #[arg(long, value_name = "CURSOR")]
        after: Option<EventCursor>,
        #[command(flatten)]
        by: By,
    },
    /// Lists the publications, each with how far it has come.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Pauses one: events wait for its resume.
    Pause {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
    /// Lets one go on from where it was.
    Resume {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
    /// Removes one, and what is known of how far it has come.
    Remove {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
}
