//! One program of one attempt: started in a process group of its own, read to its end, and gone with all that it started when
//! the attempt is over, however that ends.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use updraft_protocol::limits::{SHELL_DRAIN, SHELL_ERROR_BYTES, SHELL_OUTPUT_BYTES};

/// What a program left.
pub(super) struct Ran {
    pub(super) status: ExitStatus,
    /// The beginning of its output.
    pub(super) stdout: Captured,
    /// The end of its messages.
    pub(super) stderr: Captured,
}

/// A part of what a program wrote.
#[derive(Debug)]
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
    /// How many bytes there were.
    pub(super) whole: u64,
    limit: usize,
    /// Whether the end is kept, not the beginning.
    is_end: bool,
}

/// All processes of a group, which end when this is dropped.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

/// Starts a program in a group of its own.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Group)> {
    let child = command.process_group(0).kill_on_drop(true).spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok((child, Group(group)))
}

/// Runs a program to its end, with this input.
///
/// # Errors
/// It could not be started, or waited for.
pub(super) async fn run(command: &mut Command, input: &[u8]) -> io::Result<Ran> {
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let (mut child, mut group) = start(command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdin, pipes) = (child.stdin.take(), (child.stdout.take(), child.stderr.take()));
    let mut stdout = Captured::beginning(SHELL_OUTPUT_BYTES);
    let mut stderr = Captured::end(SHELL_ERROR_BYTES);
    let status = {
        let mut reading =
            pin!(async { tokio::join!(write(stdin, input), stdout.read(pipes.0), stderr.read(pipes.1)) });
        let (mut waiting, mut is_read) = (pin!(child.wait()), false);
        let status = loop {
            tokio::select! {
                status = &mut waiting => break status?,
                _ = &mut reading, if !is_read => is_read = true,
            }
        };
        // What it left running would hold its pipes open, and outlive the attempt.
        group.kill();
        if !is_read {
            let _ = tokio::time::timeout(SHELL_DRAIN, &mut reading).await;
        }
        status
    };
    Ok(Ran { status, stdout, stderr })
}

/// Gives a program its input, of which it need not read all.
async fn write(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

impl Captured {
    fn beginning(limit: usize) -> Self {
        Self { bytes: Vec::new(), whole: 0, limit, is_end: false }
    }

    fn end(limit: usize) -> Self {
        Self { is_end: true, ..Self::beginning(limit) }
    }

    /// Reads all that comes: a program whose output nobody reads stands still.
    async fn read(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            self.add(buffer.get(..read).unwrap_or_default());
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.whole += bytes.len() as u64;
        if self.is_end {
            self.bytes.extend_from_slice(bytes);
            if self.bytes.len() > 2 * self.limit {
                self.cut();
            }
        } else {
            let room = self.limit.saturating_sub(self.bytes.len()).min(bytes.len());
            self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
    }

    fn cut(&mut self) {
        let beyond = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..beyond);
    }

    /// The bytes that are kept.
    pub(super) fn kept(&mut self) -> &[u8] {
        if self.is_end {
            self.cut();
        }
        &self.bytes
    }
}

impl Group {
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // It fails where nothing of it is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_the_beginning_or_the_end_is_kept() {
        let (mut beginning, mut end) = (Captured::beginning(4), Captured::end(4));
        for part in ["ab", "cde", "", "fghijklm", "n"] {
            beginning.add(part.as_bytes());
            end.add(part.as_bytes());
            assert!(end.bytes.len() <= 8 + 8);
        }
        assert_eq!((beginning.kept(), end.kept()), (&b"abcd"[..], &b"klmn"[..]));
        assert_eq!((beginning.whole, end.whole), (14, 14));
    }
}
