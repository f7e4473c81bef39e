//! Options of triggers: what starts playbooks by itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use updraft::{Name, TenantCode};

use super::{By, Data};

#[derive(Debug, Args)]
pub(crate) struct TriggerOptions {
    /// What is asked.
    #[command(subcommand)]
    pub(crate) what: TriggerCommand,
    /// Whose.
    #[arg(long, default_value = "default", global = true)]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TriggerCommand {
    /// Checks a trigger and stores it. Its playbook has to be stored before, as `run` does.
    Put {
        /// The file, YAML or JSON.
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// Lists the triggers, each with when it fired last and fires next.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Shows one, with what has become of its events.
    Show {
        /// Its name.
        name: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Pauses one: events that come meanwhile start nothing, then or later.
    Pause {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
    /// Lets one fire again, from now on.
    Resume {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
    /// Removes one, and what is known of its events. What it has started goes on.
    Remove {
        /// Its name.
        name: Name,
        #[command(flatten)]
        by: By,
    },
}
