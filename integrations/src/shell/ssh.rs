//! The integration `ssh`: runs commands on other machines by the system's `ssh`, over connections that are kept for a while. Owns
//! what operators configure; machines and keys are theirs alone to allow.

mod connection;
mod connections;
mod declared;
mod options;
mod target;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use thiserror::Error;
use tokio::sync::Semaphore;
use updraft_protocol::limits::{SHELL_PROCESSES, SSH_ALLOWED};
use updraft_protocol::{
    ActionSpec, Answer, Argument, Call, Effect, Failure, FailureKind, Flaw, Integration, Json, Value,
};

use self::connection::Connection;
use self::connections::{Connections, Key};
pub use self::declared::DeclaredSsh;
use self::options::Options;
use self::target::{Reached, Target};
use super::{failure, process};
use crate::http::Allow;

/// The JSON Schema of the arguments.
static SCHEMA: LazyLock<Option<Json>> = LazyLock::new(|| Json::parse(include_str!("ssh.json")).ok());

/// Has `sh` over there read a command that comes as input, and run it without input.
const FOR_SH: &str = "exec sh -c 'eval \"$(cat)\" </dev/null'";

/// The `shell` of a machine that has none.
const NO_SHELL: &str = "none";

const KNOWN: [(&str, Argument); 7] = [
    ("host", Argument::Text),
    ("port", Argument::Text),
    ("user", Argument::Text),
    ("command", Argument::Command),
    ("key", Argument::Secret),
    ("shell", Argument::Option),
    ("expect", Argument::Option),
];

/// Why a configuration is refused.
#[derive(Debug, Error)]
pub enum Error {
    /// There are no known hosts: without them, every machine could be taken for another.
    #[error("a file of known hosts is needed")]
    NoKnownHosts,
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A path has characters that `ssh` reads as something else.
    #[error("{0}: the path has blanks, quotes, `%`, `$`, `~` or `\\`, which `ssh` reads as something else")]
    Path(String),
    /// The list of machines is too long.
    #[error("the list of machines has {0} entries; at most {SSH_ALLOWED} are allowed")]
    Allowed(usize),
}

impl Error {
    /// Whether the same configuration can be valid another time: where a file is to be read.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}

/// The configuration of SSH. All of it belongs to the engine, for the playbooks of all its tenants.
#[derive(Debug, Default)]
#[must_use]
pub struct SshBuilder {
    allowed: Vec<Allow>,
    known_hosts: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl SshBuilder {
    /// Allows one more machine, or network: no other is reached, on the public Internet neither. A machine that a playbook
    /// calls by its name is allowed by that name.
    pub fn allow(mut self, entry: Allow) -> Self {
        self.allowed.push(entry);
        self
    }

    /// The file of known hosts, in the form of OpenSSH: a machine that is not there, or has another key, is not reached.
    pub fn known_hosts(mut self, path: impl Into<PathBuf>) -> Self {
        self.known_hosts = Some(path.into());
        self
    }

    /// The file of the private key for steps that give none.
    pub fn key(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(path.into());
        self
    }

    /// The integration.
    ///
    /// # Errors
    /// A file is missing, or cannot be read.
    pub fn build(self) -> Result<SshIntegration, Error> {
        if self.allowed.len() > SSH_ALLOWED {
            return Err(Error::Allowed(self.allowed.len()));
        }
        let known_hosts = readable(&self.known_hosts.ok_or(Error::NoKnownHosts)?)?;
        let key = self.key.as_deref().map(readable).transpose()?;
        let options = Options { known_hosts, key };
        Ok(SshIntegration {
            allowed: self.allowed,
            options: Arc::new(options),
            connections: Connections::default(),
            places: Semaphore::new(SHELL_PROCESSES),
        })
    }
}

/// The whole path of a file that can be read, and that `ssh` takes as it is.
fn readable(path: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::File { path: path.display().to_string(), source };
    let whole = path.canonicalize().map_err(failed)?;
    std::fs::File::open(&whole).map_err(failed)?;
    let is_plain =
        whole.to_str().is_some_and(|path| !path.contains([' ', '\t', '\n', '"', '\'', '%', '$', '~', '\\']));
    if is_plain { Ok(whole) } else { Err(Error::Path(whole.display().to_string())) }
}

/// Runs commands on other machines by the system's `ssh` (OpenSSH). Action: `run`.
///
/// # Arguments
///
/// | argument | meaning | default |
/// | --- | --- | --- |
/// | `host` | a name or an address, which the operator allows | needed |
/// | `port` | the port | 22 |
/// | `user` | the user there | that of the engine |
/// | `command` | the command, which `sh` there reads; each value in it is one quoted word | needed |
/// | `shell` | `none`: the machine has no shell, and gets the command as it is written, without values | `sh` |
/// | `key` | a secret: the private key, in a form of OpenSSH | that of the operator |
/// | `expect` | the exit codes of success | `[0]` |
///
/// The output is that of [`BashIntegration`](super::BashIntegration).
///
/// # Guarantees and limits
///
/// * Machines are reached that [`SshBuilder::allow`] names, and whose keys are among the known hosts. `ssh` asks nothing, reads
///   no configuration of a user or the machine, uses no agent, forwards nothing, and logs in by a key alone.
/// * A connection is made before the attempt counts as sent: a machine that is away, is not the known one, or refuses the key is
///   [`FailureKind::Unreachable`], and nothing has acted. The last two are not retried.
/// * Connections are kept for [`SSH_IDLE`], for the same tenant, user, host, port and key, [`SSH_CONNECTIONS`] at most.
/// * A command whose connection is lost is [`FailureKind::Interrupted`]: it may have acted. Exit code 255 counts as the command's
///   own where the connection is still there.
/// * When an attempt is over before its command, the connection's channel is closed. The command over there gets no signal by
///   that, and may go on: `timeout 60 …` in the command ends it there.
/// * A private key of a step is a file that its owner alone may read, for as long as the login takes.
///
/// [`SSH_IDLE`]: updraft_protocol::limits::SSH_IDLE
/// [`SSH_CONNECTIONS`]: updraft_protocol::limits::SSH_CONNECTIONS
#[derive(Debug)]
pub struct SshIntegration {
    allowed: Vec<Allow>,
    options: Arc<Options>,
    connections: Connections,
    places: Semaphore,
}

impl SshIntegration {
    /// A configuration that allows no machine yet.
    pub fn builder() -> SshBuilder {
        SshBuilder::default()
    }

    async fn run(&self, mut call: Call) -> Result<Json, Failure> {
        let arguments = call.arguments.take();
        let Value::String(command) = &arguments["command"] else {
            return Err(failure::invalid("command", "a text is needed"));
        };
        let target = Target::of(&arguments).map_err(|(place, message)| failure::invalid(place, message))?;
        if !target.is_allowed(&self.allowed) {
            let message = format!("ssh {target}: only machines that the operator allows may be reached");
            return Err(Failure::new(FailureKind::Forbidden, message));
        }
        let secret = call.secrets.iter().find(|secret| secret.reference.place == "/key");
        if secret.is_none() && self.options.key.is_none() {
            return Err(Failure::new(FailureKind::NotConfigured, format!("missing here: {NO_KEY}")));
        }
        let is_for_sh = arguments["shell"].as_str() != Some(NO_SHELL);
        let key = Key::of(&call.tenant, &target, secret);
        let place = self.places.acquire().await;
        let connection = self.connections.connection(&key, &target, secret, &self.options).await?;
        let ran = self.command(&call, &connection, &target, (command, is_for_sh)).await;
        drop(place);
        match ran? {
            Reached::Ended(ran) => failure::judged(format_args!("ssh {target}"), ran, &arguments),
            Reached::Lost => {
                self.connections.forget(&key, &connection);
                let message =
                    format!("ssh {target}: the connection was lost; the command may have run to its end");
                Err(Failure::new(FailureKind::Interrupted, message))
            }
        }
    }

    async fn command(
        &self,
        call: &Call,
        connection: &Connection,
        target: &Target,
        (command, is_for_sh): (&str, bool),
    ) -> Result<Reached, Failure> {
        let _session = connection.sessions.acquire().await;
        // What the user's shell reads is the same for every command: only `sh` is known to read quotes as they are written.
        let (line, input) = match is_for_sh {
            true => (FOR_SH, command.as_bytes()),
            false => (command, &[][..]),
        };
        let mut ssh = connection.command(&self.options, target, line);
        if !call.sending.begin() {
            return Err(failure::withdrawn());
        }
        let ran = process::run(&mut ssh, input).await.map_err(|error| failure::not_started("ssh", &error))?;
        let is_lost = ran.status.code() == Some(255) && !connection.is_there(&self.options, target).await;
        Ok(if is_lost { Reached::Lost } else { Reached::Ended(ran) })
    }
}

/// What a step needs that gives no key, where the operator gives none.
const NO_KEY: &str = "a key for ssh";

/// The declaration of `run`.
fn spec() -> ActionSpec {
    ActionSpec {
        schema: SCHEMA.clone(),
        arguments: &KNOWN,
        takes_secrets: true,
        effect: Effect::Write,
        target: Some("host"),
        says_sending: true,
        ..ActionSpec::default()
    }
}

/// What is wrong with the arguments; without a list of machines any is allowed.
fn flaws(arguments: &Value, allowed: Option<&[Allow]>) -> Vec<Flaw> {
    let mut flaws: Vec<Flaw> = target::flaws(arguments, allowed);
    let is_rendered = arguments["command"] == Value::Null;
    if is_rendered && arguments["shell"].as_str() == Some(NO_SHELL) {
        let message = "for `shell: none` it is written out, without templates: quotes are for `sh` alone";
        flaws.push(Flaw { place: "command".to_owned(), message: message.to_owned() });
    }
    flaws
}

impl Integration for SshIntegration {
    fn actions(&self) -> &[&str] {
        &["run"]
    }

    fn spec(&self, _action: &str) -> ActionSpec {
        spec()
    }

    fn check(&self, _action: &str, arguments: &Value) -> Vec<Flaw> {
        let mut flaws = flaws(arguments, Some(&self.allowed));
        let has_key = arguments.as_object().is_some_and(|arguments| arguments.contains_key("key"));
        if !has_key && self.options.key.is_none() {
            flaws.push(Flaw { place: "key".to_owned(), message: format!("missing here: {NO_KEY}") });
        }
        flaws
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(self.run(call))
    }
}
