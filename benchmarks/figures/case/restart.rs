//! Restart: a process with many unfinished executions is killed; how long until the next runs them all.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::tell;
use crate::bench::Bench;
use crate::load;
use crate::tool::{Tool, Waiting};

/// Executions that were not finished.
const UNFINISHED: usize = 100_000;

pub(super) fn measure(runtime: &tokio::runtime::Runtime) {
    let directory = tempfile::tempdir().expect("a directory");
    let own = std::env::current_exe().expect("this program");
    let mut child = Command::new(own)
        .args(["--case", "restart-child", "0"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("all wait"));
    // SIGKILL.
    child.kill().expect("killed");
    child.wait().expect("gone");
    let took = runtime.block_on(async {
        let waiting = Arc::new(Waiting::default());
        let began = Instant::now();
        let bench = Bench::durable(directory.path(), Tool::Waits(waiting.clone())).await;
        while waiting.asked.load(Ordering::Acquire) < UNFINISHED {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took = began.elapsed();
        let _ = bench.engine.shutdown(Duration::ZERO).await;
        took
    });
    tell("restart", took.as_secs_f64());
}

/// The process that is killed.
pub(super) async fn child(directory: &str) {
    let waiting = Arc::new(Waiting::default());
    let bench = Arc::new(Bench::durable(directory.as_ref(), Tool::Waits(waiting.clone())).await);
    let _handles = load::pile(&bench, UNFINISHED).await;
    while waiting.asked.load(Ordering::Acquire) < UNFINISHED {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("all wait");
    std::future::pending::<()>().await;
}
