//! Options of mail: the server that sends it, from whom, and to whom playbooks may write.

use clap::Args;
use updraft::integrations::mail::MailDomain;

/// The operator's server, and what playbooks may send by it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MailGrants {
    /// Lets playbooks send mail by this server with the integration `mail`: `smtp://HOST` for STARTTLS, which it has to offer,
    /// `smtps://HOST` for TLS from the beginning, `smtp-plain://HOST` for none, which `--allow-net` has to allow. A user who logs in
    /// stands before the host (`smtp://soc@mail.corp.example`); the password is the secret `smtp-password`.
    // Read where it is used: a mistake of the command line would show a password that stands in it.
    #[arg(long, env = "UPDRAFT_SMTP", value_name = "URL", hide_env_values = true, requires_all = ["smtp_from", "smtp_to"])]
    pub(crate) smtp: Option<String>,
    /// The sender of mails: `soc@corp.example` or `SOC <soc@corp.example>`.
    #[arg(long, env = "UPDRAFT_SMTP_FROM", value_name = "ADDRESS")]
    pub(crate) smtp_from: Option<String>,
    /// Another sender that steps may name. Repeatable.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) smtp_sender: Vec<String>,
    /// Lets mail go to addresses of DOMAIN (`corp.example`, `*.corp.example`, `*` for any). Repeatable; in the environment separated by
    /// commas. No other domain is written to.
    #[arg(long, env = "UPDRAFT_SMTP_TO", value_name = "DOMAIN", value_delimiter = ',')]
    pub(crate) smtp_to: Vec<MailDomain>,
}
