//! The built-in integrations: security tools that Updraft can call without code of the embedding application. Knows the
//! integration port of `protocol`, nothing of the engine.
//!
//! * [`HttpIntegration`]: any tool with an HTTP interface.
//! * [`MailIntegration`]: mail, by the SMTP server of the operator.
//! * `BashIntegration`, `SshIntegration`: commands on this machine and on others, where the system is a Unix.
//! * [`SecretMap`], [`SecretEnvironment`], [`SecretDirectory`]: providers of credentials, so that no playbook contains
//!   them.

pub mod http;
pub mod mail;
pub mod secrets;
#[cfg(unix)]
pub mod shell;

pub use http::HttpIntegration;
pub use mail::{DeclaredMail, MailIntegration};
pub use secrets::{SecretDirectory, SecretEnvironment, SecretMap};
#[cfg(unix)]
pub use shell::{BashIntegration, DeclaredSsh, SshIntegration};
