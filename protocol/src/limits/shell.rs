//! The limits of shell commands, here and on other machines, with their reasons.

use std::time::Duration;

use super::{FAILURE_ANSWER_BYTES, RESPONSE_BYTES};

/// A command: a system gives a program no single word of more than 128 KiB.
pub const COMMAND_BYTES: usize = 96 << 10;
/// Commands of one engine that run at once on its machine, and those that it runs at once on others.
pub const SHELL_PROCESSES: usize = 32;
/// What is kept of a command's output, as JSON: what later steps read of it. All of it is read.
pub const SHELL_OUTPUT_BYTES: usize = 512 << 10;
/// What is kept of its messages, as JSON: the last of them say why it failed.
pub const SHELL_ERROR_BYTES: usize = 64 << 10;
/// What is kept of each in a failure.
pub const SHELL_FAILURE_BYTES: usize = 1 << 10;
/// How long the output of a command is waited for once it has ended, and all of its process group: only what has made itself
/// a session of its own can still hold it open.
pub const SHELL_DRAIN: Duration = Duration::from_secs(1);
/// A connection by SSH with its login: a machine that takes longer is away.
pub const SSH_CONNECT: Duration = Duration::from_secs(15);
/// How long a connection by SSH is kept for the next command: a playbook's steps follow each other within seconds.
pub const SSH_IDLE: Duration = Duration::from_secs(60);
/// Connections by SSH that are kept, each a process.
pub const SSH_CONNECTIONS: usize = 64;
/// Commands at once over one connection: servers allow ten unless configured.
pub const SSH_SESSIONS: usize = 8;
/// Entries of the list of machines that may be reached by SSH.
pub const SSH_ALLOWED: usize = 256;

const _: () = {
    assert!(SHELL_OUTPUT_BYTES + SHELL_ERROR_BYTES + (1 << 10) < RESPONSE_BYTES);
    assert!(2 * SHELL_FAILURE_BYTES + 512 < FAILURE_ANSWER_BYTES);
    assert!(SSH_CONNECT.as_secs() < SSH_IDLE.as_secs());
};
