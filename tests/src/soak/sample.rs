//! What a process keeps at one moment: memory, files, threads, tasks, executions. Where the system does not say,
//! there is nothing.

use std::fmt;
use std::fs;
use std::time::Duration;

use super::Gauges;

/// One moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// Memory that it has.
    pub resident_bytes: f64,
    /// Files and connections that are open.
    pub files: f64,
    /// Threads, and with them arbiters: each is one.
    pub threads: f64,
    /// Tasks of the runtime that embeds the engine, and submissions under way.
    pub tasks: f64,
    /// Executions that have a place.
    pub in_flight: f64,
    /// Executions of all shards, those that wait out of memory too.
    pub of_shards: f64,
    /// Documents that wait for the store.
    pub pending: f64,
    /// Segments of the journal.
    pub segments: f64,
}

impl Sample {
    /// How it is now.
    pub(super) fn take(at: Duration, gauges: &Gauges, submissions: usize) -> Self {
        Self {
            at_s: at.as_secs_f64(),
            resident_bytes: resident_bytes().unwrap_or_default(),
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            tasks: (tokio::runtime::Handle::current().metrics().num_alive_tasks() + submissions) as f64,
            in_flight: gauges.get("updraft_executions_in_flight"),
            of_shards: gauges.get("updraft_shard_executions"),
            pending: gauges.get("updraft_store_pending_documents"),
            segments: gauges.get("updraft_journal_segments"),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.0} s  {:6.1} MiB  {} files  {} threads  {} tasks  {} in flight  {} of shards  {} pending  {} segments",
            self.at_s,
            self.resident_bytes / f64::from(1 << 20),
            self.files,
            self.threads,
            self.tasks,
            self.in_flight,
            self.of_shards,
            self.pending,
            self.segments
        )
    }
}

fn entries(folder: &str) -> f64 {
    fs::read_dir(folder).map_or(0, Iterator::count) as f64
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1_024.0)
}
