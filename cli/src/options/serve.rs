//! Options of the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use updraft::TenantCode;

use super::{Data, Work};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where webhooks are taken: `POST /hooks/TENANT/TRIGGER`; `/health` and `/ready` tell how it fares. Only this machine reaches it
    /// unless another address is said; TLS is for a proxy before it.
    #[arg(long, default_value = "127.0.0.1:7790", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// A playbook that is stored at the start, for triggers to name. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) playbook: Vec<PathBuf>,
    /// The customer whose playbooks these are.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) work: Work,
    #[command(flatten)]
    pub(crate) data: Data,
}
