//! One connection by SSH: a process of `ssh` that is logged in, over which others run commands. Owns that process, and the folder
//! with its socket; ends it when it is dropped.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::{NamedTempFile, TempDir};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use updraft_protocol::limits::{SSH_CONNECT, SSH_SESSIONS};
use updraft_protocol::{Failure, FailureKind, GivenSecret};

use super::options::{Options, to};
use super::target::Target;
use crate::shell::failure::not_started;
use crate::shell::process::{Group, start};

/// How often it is looked whether the login is done.
const LOOK: Duration = Duration::from_millis(10);
/// How much of what `ssh` says is told.
const TOLD_CHARACTERS: usize = 300;

/// A connection that is logged in.
#[derive(Debug)]
pub(super) struct Connection {
    /// Places for commands.
    pub(super) sessions: Semaphore,
    socket: PathBuf,
    master: Mutex<Child>,
    /// Ends the process.
    _group: Group,
    /// The folder goes after the process.
    _folder: TempDir,
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// The machine is away, is not the known one, or refuses the key. Nothing has acted.
    pub(super) async fn open(
        target: &Target,
        secret: Option<&GivenSecret>,
        options: &Options,
    ) -> Result<Self, Failure> {
        let failed = |error| failed(target, &format!("no folder for its socket: {error}"), true);
        let folder = tempfile::Builder::new().prefix("updraft-ssh-").tempdir().map_err(failed)?;
        let (socket, log) = (folder.path().join("s"), folder.path().join("log"));
        // The file goes when the login is done.
        let given = secret.map(|secret| key_file(folder.path(), secret)).transpose().map_err(failed)?;
        let key = given.as_ref().map(NamedTempFile::path).or(options.key.as_deref());
        let mut ssh = options.master(target, key.unwrap_or(Path::new("none")), &socket, &log);
        let (mut master, group) = start(&mut ssh).map_err(|error| not_started("ssh", &error))?;
        let login = timeout(SSH_CONNECT, logged_in(&mut master, &socket)).await;
        match login {
            Ok(true) => Ok(Self {
                sessions: Semaphore::new(SSH_SESSIONS),
                socket,
                master: Mutex::new(master),
                _group: group,
                _folder: folder,
            }),
            Ok(false) => Err(refused(target, &std::fs::read(&log).unwrap_or_default())),
            Err(_) => Err(self::failed(target, &format!("no login within {SSH_CONNECT:?}"), true)),
        }
    }

    /// What runs a command over it.
    pub(super) fn command(&self, options: &Options, target: &Target, command: &str) -> Command {
        let mut ssh = options.over(&self.socket);
        to(&mut ssh, target);
        ssh.arg(command);
        ssh
    }

    /// Whether its process has not ended.
    pub(super) fn runs(&self) -> bool {
        let mut master = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(master.try_wait(), Ok(None))
    }

    /// Whether it is still logged in, as its process says.
    pub(super) async fn is_there(&self, options: &Options, target: &Target) -> bool {
        let mut ssh = options.over(&self.socket);
        ssh.args(["-O", "check"]);
        to(&mut ssh, target);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok((mut asked, _group)) = start(&mut ssh) else { return false };
        let said = timeout(SSH_CONNECT, asked.wait()).await;
        self.runs() && matches!(said, Ok(Ok(status)) if status.success())
    }
}

/// Waits until the socket is there, which is made after the login; false if the process ends before.
async fn logged_in(master: &mut Child, socket: &Path) -> bool {
    loop {
        if socket.exists() {
            return true;
        }
        if timeout(LOOK, master.wait()).await.is_ok() {
            return false;
        }
    }
}

/// A private key as `ssh` takes it: a file that nobody else may read, which ends with a line break.
fn key_file(folder: &Path, secret: &GivenSecret) -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("k").tempfile_in(folder)?;
    let text = secret.text();
    // A secret from the environment or a vault often has lost it; `ssh` refuses other line breaks.
    file.write_all(text.trim_end().replace("\r\n", "\n").as_bytes())?;
    file.write_all(b"\n")?;
    file.flush()?;
    Ok(file)
}

/// Why there is no login, by what `ssh` said.
fn refused(target: &Target, log: &[u8]) -> Failure {
    let log = String::from_utf8_lossy(log);
    let is = |text: &str| log.contains(text);
    if is("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return failed(target, "its key is another than the one among the known hosts", false);
    }
    if is("Host key verification failed") || is("host key is known for") {
        return failed(target, "its key is not among the known hosts", false);
    }
    if is("Permission denied") || is("invalid format") || is("error in libcrypto") {
        return failed(target, "the key is not accepted", false);
    }
    let said: String = log.trim().chars().take(TOLD_CHARACTERS).collect();
    failed(target, if said.is_empty() { "no login" } else { &said }, true)
}

fn failed(target: &Target, message: &str, retryable: bool) -> Failure {
    Failure::new(FailureKind::Unreachable, format!("ssh {target}: {message}")).with_retryable(retryable)
}
