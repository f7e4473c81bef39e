//! Options that grant: what playbooks may reach, read and run.

use std::path::PathBuf;

use clap::Args;
use updraft::integrations::http::Allow;

use super::{ConnectorOptions, MailGrants};

/// What playbooks may use of what the operator has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Grants {
    /// Lets HTTP steps reach NET, which is not on the public Internet: `10.0.0.0/8`, `127.0.0.1:7780`,
    /// `siem.internal:8443`. Repeatable. Joins those of the environment variable UPDRAFT_ALLOW_NET (comma
    /// separated) and of the file `allow-net` in the data directory (one a line, comments after `#`).
    #[arg(long, value_name = "NET")]
    pub(crate) allow_net: Vec<Allow>,
    /// A directory of secrets (else UPDRAFT_SECRETS): one file each, under its name (`edr-token`; `pin.short` for one of
    /// fewer than six bytes). Others are looked for in the environment: UPDRAFT_SECRET_EDR_TOKEN.
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets: Option<PathBuf>,
    /// A CACAO file whose credentials playbooks may use besides, such as one that was run before. Those of the files that are run or
    /// checked count anyway. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets_of: Vec<PathBuf>,
    /// Trusts the authorities of a PEM bundle besides those of the machine. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) connectors: ConnectorOptions,
    /// Lets playbooks run commands on this machine, as the user of this program, with the integration `bash`.
    #[arg(long)]
    pub(crate) allow_bash: bool,
    /// Lets playbooks run commands on HOST with the integration `ssh`: a name, an address or a network, with a port or for all
    /// ports (`siem.internal:22`, `10.1.0.0/16`). Repeatable. No other machine is reached.
    #[arg(long, value_name = "HOST[:PORT]", requires = "ssh_known_hosts")]
    pub(crate) allow_ssh: Vec<Allow>,
    /// The known hosts of `ssh`, in the form of OpenSSH; machines that are not there are not reached.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_known_hosts: Option<PathBuf>,
    /// The private key with which `ssh` logs in where a step gives none.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) mail: MailGrants,
}
