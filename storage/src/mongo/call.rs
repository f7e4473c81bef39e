//! Calls: how long each call of the store takes, its wait for a connection included. Logs and counts what is
//! slow; never what was asked or answered.
//!
//! Timed here and not by the driver's command events: for those the driver would read every batch into a tree.

use std::time::Duration;

use tokio::time::Instant;

use super::pool::Pool;
use crate::store::Error;

/// Watches over calls.
#[derive(Clone)]
pub(super) struct Calls {
    /// Beyond it a call is slow.
    threshold: Duration,
    pool: Pool,
}

impl Calls {
    pub(super) fn new(threshold: Duration, pool: Pool) -> Self {
        Self { threshold, pool }
    }

    /// Runs a call: the command that does the work, and the collection that it is about.
    pub(super) async fn run<T>(
        &self,
        command: &'static str,
        collection: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut watch = Watch {
            threshold: self.threshold,
            command,
            collection,
            began: Instant::now(),
            ended: "abandoned",
        };
        let answer = self.pool.follow(call).await;
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
