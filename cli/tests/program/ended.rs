//! The program under test: started as operators start it, and how it ended. Owns no claim.

use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

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

/// The same for a person who says who she is, and why.
pub(crate) fn by(dir: &Path, words: &[&str]) -> Ended {
    let words: Vec<&str> = words.iter().copied().chain(["--uid", "ana", "--reason", "INC-7"]).collect();
    ended(dir, &words)
}

/// What a program said that ended well.
pub(crate) fn out(ended: &Ended) -> &str {
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    &ended.out
}

/// Runs the last command that was said, as somebody who pastes it into a shell.
pub(crate) fn paste(dir: &Path, said: &str) -> Command {
    let line = said.lines().rfind(|line| line.contains("go on with: ")).unwrap_or_else(|| panic!("{said}"));
    let pasted = line.split("go on with: ").nth(1).unwrap();
    shell(dir, pasted)
}

/// Runs a line of shell in which `updraft` is the program.
pub(crate) fn shell(dir: &Path, line: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_updraft")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(program.to_owned()).chain(std::env::split_paths(&path));
    let mut command = Command::new("sh");
    command.current_dir(dir).args(["-c", line]).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("UPDRAFT_")) {
        command.env_remove(name);
    }
    command.env("PATH", std::env::join_paths(paths).unwrap());
    command
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
