//! The program with a store that another program holds up: a signal ends the wait, and the next start has the end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use updraft_tests::timeouts::TEST_TIMEOUT;

/// The program, which is built with the workspace: in the directory above that of the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("updraft");
    assert!(built.exists(), "cargo build --workspace builds the program: {}", built.display());
    built
}

fn updraft(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(dir).args(arguments).stdin(Stdio::null()).env_clear();
    command
}

#[test]
fn a_store_that_another_program_holds_up_is_not_waited_for_beyond_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let book = "format: 1\nname: test\nversion: 1\nsteps:\n  - {id: wait, delay: 1s}\n  \
                - {id: done, end: null}\n";
    std::fs::write(dir.path().join("p.yaml"), book).unwrap();
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    said.find(|line| line.contains("wait  executing")).expect("the step begins");
    let other = rusqlite::Connection::open(dir.path().join("updraft-data/updraft.db")).unwrap();
    other.busy_timeout(TEST_TIMEOUT).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    said.find(|line| line.contains("the store does not have the end yet"))
        .expect("it says what it waits for");
    let terminated = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    said.find(|line| line.contains("the end is in the journal")).expect("it says where the end is");
    said.find(|line| line.contains("go on with: updraft recover --data updraft-data"))
        .expect("and how to go on");
    assert_eq!(child.wait().unwrap().code(), Some(4));
    other.execute_batch("ROLLBACK").unwrap();
    let recovered = updraft(dir.path(), &["recover"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&recovered.stderr), "nothing is unfinished\n");
    let listed = updraft(dir.path(), &["list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("  completed  "), "the next start has it");
}
