//! What a process keeps at one moment: memory, files, threads, tasks, executions. Where the system does not say,
//! there is nothing.

use std::fmt;
use std::time::Duration;

use updraft_load::{Metrics, process};

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
    /// Tasks of the runtime that embeds the engine.
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
    pub(super) fn take(at: Duration, metrics: &Metrics) -> Self {
        let usage = process::usage().unwrap_or_default();
        Self {
            at_s: at.as_secs_f64(),
            resident_bytes: usage.resident_bytes as f64,
            files: usage.files as f64,
            threads: usage.threads as f64,
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as f64,
            in_flight: metrics.gauge("updraft_executions_in_flight"),
            of_shards: metrics.gauge("updraft_shard_executions"),
            pending: metrics.gauge("updraft_store_pending_documents"),
            segments: metrics.gauge("updraft_journal_segments"),
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
