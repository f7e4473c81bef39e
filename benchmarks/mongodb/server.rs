//! The server: one of the program's own, in a temporary directory, ended with it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server process, or one that was named.
pub(crate) struct Server {
    pub(crate) uri: String,
    child: Option<(Child, TempDir)>,
}

impl Server {
    /// The one that is named, or one of the program's own, which syncs its log at every commit or, whatever `j` it is
    /// asked for, at none.
    pub(crate) fn start(named: Option<&str>, synced: bool) -> Self {
        if let Some(uri) = named {
            return Self { uri: uri.to_owned(), child: None };
        }
        settle();
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = Command::new("secantusd-rs")
            .args(["--port", "0", "--storage-path"])
            .arg(directory.path())
            .args(synced.then_some("--sync-on-commit"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("secantusd-rs");
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let mut lines = BufReader::new(out);
        std::thread::spawn(move || BufReader::new(err).lines().for_each(drop));
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(lines.read_line(&mut line).expect("its output") > 0, "the server ended");
        }
        std::thread::spawn(move || lines.lines().for_each(drop));
        let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
        Self { uri: format!("mongodb://{address}"), child: Some((child, directory)) }
    }
}

/// Has the disk write what servers before have left to it: this one's syncs would wait for that.
fn settle() {
    let status = Command::new("sync").status().expect("sync");
    assert!(status.success(), "sync: {status}");
}

impl Server {
    /// Its process, where it is the program's own.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.as_ref().map(|(child, _)| child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
