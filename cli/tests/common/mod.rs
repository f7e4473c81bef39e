//! What the tests of the program share: the program itself, files for it, and tools that they hold in hand.
//! Owns no claim of its own.
#![allow(dead_code, reason = "each test file uses what it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;
use tempfile::TempDir;

/// The phishing-triage example.
pub(crate) fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/phishing-triage").join(file)
}

/// The program, with nothing of this process's configuration, in `dir`.
pub(crate) fn updraft(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_updraft"));
    command.current_dir(dir).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UPDRAFT_") {
            command.env_remove(name);
        }
    }
    command
}

/// How a program ended and what it said.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the program to its end.
pub(crate) fn ended(dir: &Path, arguments: &[&str]) -> Ended {
    updraft(dir, arguments).output().unwrap().into()
}

/// A directory with these files.
pub(crate) fn files(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// A playbook with these steps.
pub(crate) fn playbook(steps: &str) -> String {
    format!("format: 1\nname: test\nversion: 1\nvariables: {{tools: none, n: 1}}\nsteps:\n{steps}")
}

/// A playbook that asks the tool twice, one after the other.
pub(crate) fn two_requests() -> String {
    let step = |id: &str| {
        format!(
            "  - id: {id}\n    type: action\n    integration: http\n    action: request\n    arguments: \
             {{url: '{{{{ variables.tools }}}}/{id}'}}\n    retry: {{attempts: 1}}\n"
        )
    };
    playbook(&format!("{}    on_success: second\n{}", step("first"), step("second")))
}

/// Sends a signal to a program.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Reads lines until one contains `text`; all that was read.
pub(crate) fn read_until(reader: &mut impl BufRead, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let before = read.len();
        reader.read_line(&mut read).unwrap();
        assert!(read.len() > before, "ended without `{text}`: {read}");
    }
    read
}

/// `updraft demo --serve`, until dropped.
pub(crate) struct Tools {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl Tools {
    /// Serves for the default data directory in `dir`.
    pub(crate) fn serve(dir: &Path) -> Self {
        let mut command = updraft(dir, &["demo", "--serve", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let said = read_until(&mut lines, "playbooks may reach them");
        let port = said.split("http://127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap();
        Self { child, lines, port: port.parse().unwrap() }
    }

    /// The value of the variable by which the example finds them.
    pub(crate) fn variable(&self) -> String {
        format!("tools=\"http://127.0.0.1:{}\"", self.port)
    }

    /// Ends them as an operator does.
    pub(crate) fn stop(mut self) -> i32 {
        signal(&self.child, "TERM");
        let code = self.child.wait().unwrap().code().unwrap();
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        code
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tool that answers when it is told to.
pub(crate) struct Tool {
    pub(crate) address: SocketAddr,
    asked: Receiver<(String, TcpStream)>,
}

impl Tool {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked): (SyncSender<(String, TcpStream)>, _) = sync_channel(16);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let head = read_until(&mut reader, "\r\n\r\n");
                if sender.send((head, stream)).is_err() {
                    return;
                }
            }
        });
        Self { address, asked }
    }

    /// Waits for a request: its first line, and where the answer goes.
    pub(crate) fn asked(&self) -> (String, TcpStream) {
        let (head, stream) = self.asked_with_head();
        (head.lines().next().unwrap_or_default().to_owned(), stream)
    }

    /// Waits for a request: its head, and where the answer goes.
    pub(crate) fn asked_with_head(&self) -> (String, TcpStream) {
        self.asked.recv_timeout(std::time::Duration::from_secs(60)).expect("a request")
    }

    /// The head of a request that waits.
    pub(crate) fn waiting(&self) -> Option<String> {
        self.asked.try_recv().ok().map(|(head, _)| head)
    }

    pub(crate) fn answer(mut stream: TcpStream) {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).unwrap();
    }
}
