//! Shell commands: on this machine by `bash`, on others by the system's `ssh`. Owns how programs are started, ended and read.
//! An engine has neither unless its embedder adds it: whoever may run commands may do all that its user can.

mod bash;
mod failure;
mod kept;
mod process;
mod ssh;

pub use bash::BashIntegration;
pub use ssh::{DeclaredSsh, Error, SshBuilder, SshIntegration};

/// Where programs are looked for, whatever the engine's own environment says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Texts as UTF-8, messages in English.
const LANG: &str = "C.UTF-8";
