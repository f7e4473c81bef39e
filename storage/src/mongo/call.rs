//! Calls: how long each call of the store takes and may take, its wait for a connection included. Logs and counts
//! what is slow; never what was asked or answered.
//!
//! Timed here and not by the driver's command events: for those the driver would read every batch into a tree.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use updraft_protocol::limits::{MONGO_SCAN_TIMEOUT, WRITE_TIMEOUT};

use super::pool::Pool;
use crate::store::Error;

/// How much a call has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A few documents.
    Few,
    /// A batch, in as many commands as it takes.
    Batch,
    /// Whatever is in a collection.
    Scan,
}

/// Watches over calls.
#[derive(Clone)]
pub(super) struct Calls {
    /// Beyond it a call is slow.
    threshold: Duration,
    /// How long a call for a few documents may take.
    patience: Duration,
    pool: Pool,
}

impl Calls {
    pub(super) fn new(threshold: Duration, patience: Duration, pool: Pool) -> Self {
        Self { threshold, patience, pool }
    }

    /// Runs a call: the command that does the work, and the collection that it is about. It ends in time, whatever
    /// the server does.
    pub(super) async fn run<T>(
        &self,
        work: Work,
        command: &'static str,
        collection: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let patience = match work {
            Work::Few => self.patience,
            Work::Batch => WRITE_TIMEOUT,
            Work::Scan => MONGO_SCAN_TIMEOUT,
        };
        let mut watch = Watch {
            threshold: self.threshold,
            command,
            collection,
            began: Instant::now(),
            ended: "abandoned",
        };
        let Ok(answer) = timeout(patience, self.pool.follow(call)).await else {
            return Err(Error::Unavailable(format!("no answer in {patience:?}")));
        };
        watch.ended = if answer.is_ok() { "answered" } else { "failed" };
        answer
    }
}

/// One call; told of when it is over, also where its caller went away.
struct Watch {
    threshold: Duration,
    command: &'static str,
    collection: &'static str,
    began: Instant,
    ended: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        if took < self.threshold {
            return;
        }
        let (command, collection, ended) = (self.command, self.collection, self.ended);
        metrics::counter!("updraft_store_slow_commands_total", "store" => "mongodb", "command" => command)
            .increment(1);
        tracing::warn!(
            target: "updraft::store::slow",
            command,
            collection,
            ended,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "a slow command of the store"
        );
    }
}

#[cfg(test)]
mod tests;
