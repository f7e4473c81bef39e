//! The keeper of a server process: a shell that starts and kills it on command, and kills it and removes its files when
//! the test's process ends in any way. Knows no MongoDB.

use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use uuid::Uuid;

/// `sh -c SCRIPT keeper DIRECTORY PROGRAM ARGUMENT…`. Reads its commands line by line; the end of its input is the
/// test's end.
const SCRIPT: &str = r#"
trap '' INT TERM HUP PIPE
directory=$1
shift
cd "$directory" || exit 1
pid=
die() {
    if [ -n "$pid" ]; then
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        pid=
    fi
}
while read -r order; do
    case $order in
        start)
            "$@" </dev/null >log 2>&1 &
            pid=$!
            ;;
        kill) die ;;
    esac
    echo done
done
die
cd / && rm -rf "$directory"
"#;

/// A server process under a keeper. Dropped, both end, and the directory is removed.
#[derive(Debug)]
pub(super) struct Keeper {
    shell: Child,
    /// Held open for as long as the server may run; `None` afterwards.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Keeper {
    /// Prepares a program with these arguments in a directory that is removed in the end. Starts nothing yet.
    pub(super) fn new(directory: &Path, command: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(directory)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A terminal's Ctrl-C is for the tests; the keeper ends with them.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("it is piped"));
        Self { shell, orders, answers, log: directory.join("log") }
    }

    /// Starts the program.
    pub(super) fn start(&mut self) {
        self.order("start");
    }

    /// Kills it without warning. It has ended when this returns.
    pub(super) fn kill(&mut self) {
        self.order("kill");
    }

    /// The output of the program since its last start.
    pub(super) fn log(&self) -> String {
        std::fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it is open until the drop");
        writeln!(orders, "{order}").expect("the keeper lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the keeper answers");
        assert_eq!(answer, "done\n", "the keeper did as it was told");
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}

/// A directory that a keeper will remove.
pub(super) fn directory() -> PathBuf {
    let directory = std::env::temp_dir().join(format!("updraft-mongodb-{}", Uuid::now_v7().simple()));
    std::fs::create_dir(&directory).expect("there is a place for temporary files");
    directory
}

/// Runs a future to its end on a thread and a runtime of its own, whatever the caller runs on.
pub(super) fn aside<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("there is a runtime").block_on(future)
    });
    thread.join().expect("it does not panic")
}
