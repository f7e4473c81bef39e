//! The command line of `ssh`: the same for every connection, whatever the machine or its users have configured.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use updraft_protocol::limits::SSH_CONNECT;

use super::target::Target;
use crate::shell::PATH;

/// What the operator gives.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) known_hosts: PathBuf,
    /// The private key of steps that give none.
    pub(super) key: Option<PathBuf>,
}

/// Nothing is asked, nothing forwarded, nothing taken from elsewhere; a server that is not known is not talked to.
const SET: [&str; 26] = [
    "AddKeysToAgent=no",
    "BatchMode=yes",
    "CanonicalizeHostname=no",
    "CheckHostIP=no",
    "ClearAllForwardings=yes",
    "ControlPersist=no",
    "EscapeChar=none",
    "ForwardAgent=no",
    "ForwardX11=no",
    "GlobalKnownHostsFile=/dev/null",
    "GSSAPIAuthentication=no",
    "HashKnownHosts=no",
    "HostbasedAuthentication=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "KbdInteractiveAuthentication=no",
    "LogLevel=ERROR",
    "PasswordAuthentication=no",
    "PermitLocalCommand=no",
    "PreferredAuthentications=publickey",
    "RequestTTY=no",
    "ServerAliveCountMax=3",
    "ServerAliveInterval=10",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
];

impl Options {
    /// What makes the connection, and keeps it until it is killed.
    pub(super) fn master(&self, target: &Target, key: &Path, socket: &Path, log: &Path) -> Command {
        let mut ssh = self.ssh(socket);
        ssh.args(["-o", &format!("ConnectTimeout={}", SSH_CONNECT.as_secs())]);
        ssh.arg("-i").arg(key).arg("-E").arg(log).args(["-M", "-N", "-T"]);
        to(&mut ssh, target);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        ssh
    }

    /// What runs a command over the connection, and makes none of its own where that is gone.
    pub(super) fn over(&self, socket: &Path) -> Command {
        let mut ssh = self.ssh(socket);
        ssh.args(["-o", "ControlMaster=no", "-o", "ProxyCommand=/bin/false", "-T"]);
        ssh
    }

    fn ssh(&self, socket: &Path) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.env_clear().env("PATH", PATH).env("LC_ALL", "C").args(["-F", "none"]);
        for option in SET {
            ssh.args(["-o", option]);
        }
        let mut hosts = std::ffi::OsString::from("UserKnownHostsFile=");
        hosts.push(&self.known_hosts);
        ssh.arg("-o").arg(hosts).arg("-S").arg(socket);
        ssh
    }
}

/// Adds whom it talks to.
pub(super) fn to(ssh: &mut Command, target: &Target) {
    ssh.args(["-p", &target.port.to_string()]);
    if let Some(user) = &target.user {
        ssh.args(["-l", user]);
    }
    ssh.args(["--", &target.host]);
}
