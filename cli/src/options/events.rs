//! Options of events.

use clap::Args;
use updraft::{EventCursor, TenantCode};

use super::Data;

#[derive(Debug, Args)]
pub(crate) struct ListEvents {
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// Those after this one: the cursor that it was listed with.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<EventCursor>,
    /// Only those from now on; asks for --follow.
    #[arg(long, conflicts_with = "after", requires = "follow")]
    pub(crate) new: bool,
    /// Goes on with what happens, also where the engine is started again, until it is interrupted.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Prints each event as one JSON object on a line, outputs included.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}
