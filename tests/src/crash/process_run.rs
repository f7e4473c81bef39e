//! One run of the process that is killed: it is started, heard, and killed. Remembers what it said of itself; never
//! what it said of executions.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::ChildMessage;
use crate::timeouts::soon;

/// A process.
pub(super) struct ProcessRun {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it accepts is synced.
    pub(super) synced: bool,
    /// Its engine has started.
    pub(super) started: bool,
    /// It has refused something.
    pub(super) refused: bool,
    /// It was told to shut down.
    pub(super) told: bool,
    /// It said that it has.
    pub(super) down: bool,
    /// Nothing more comes.
    pub(super) silent: bool,
}

/// What a process is begun with.
pub(super) struct ProcessStart<'a> {
    pub(super) program: &'a Path,
    pub(super) data: &'a str,
    pub(super) tools: String,
    pub(super) store: &'a str,
    pub(super) durability: &'a str,
    pub(super) submit: &'a [usize],
    pub(super) then: &'a str,
}

impl ProcessRun {
    pub(super) fn begin(start: &ProcessStart<'_>) -> Self {
        let numbers: Vec<String> = start.submit.iter().map(usize::to_string).collect();
        let mut child = Command::new(start.program)
            .args([start.data, &start.tools, start.store, start.durability, &numbers.join(","), start.then])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let synced = start.durability == "fsync";
        Self { child, lines, synced, started: false, refused: false, told: false, down: false, silent: false }
    }

    /// The next thing that it says; none when it has gone.
    pub(super) async fn says(&mut self) -> Option<ChildMessage> {
        let Some(line) = self.lines.next_line().await.unwrap() else {
            self.silent = true;
            return None;
        };
        // Only the last line of a process that was killed may be cut.
        let said = ChildMessage::parse(&line);
        match said {
            Some(ChildMessage::Started(_)) => self.started = true,
            Some(ChildMessage::Refused(_)) => self.refused = true,
            Some(ChildMessage::Down(_)) => self.down = true,
            _ => {}
        }
        said
    }

    /// Tells it to shut down. It may have gone.
    pub(super) async fn shut_down(&mut self, then: Duration) {
        self.told = true;
        let _ = self.child.stdin.as_mut().unwrap().write_all(b"shut down\n").await;
        tokio::time::sleep(then).await;
    }

    /// Kills it; what it had said before can still be heard.
    pub(super) fn kill(&mut self) {
        self.child.start_kill().unwrap();
    }

    /// Waits until it is gone; whether it ended by itself.
    pub(super) async fn gone(mut self) -> bool {
        drop(self.child.stdin.take());
        soon(self.child.wait()).await.unwrap().success()
    }
}
