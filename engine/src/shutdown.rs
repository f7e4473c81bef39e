//! Shutting down: what runs may end, everything accepted is in the store or the journal, and what was
//! waiting resumes at the next start.

use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::limits;
use updraft_storage::journal::Left;

use crate::start::Engine;

/// How an engine was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Shutdown {
    /// The store has everything.
    Stored,
    /// The journal has what the store did not take in time; the next start brings it there.
    Journaled,
    /// It was shut down before.
    Already,
}

impl Engine {
    /// Accepts nothing more, lets attempts that run end until `deadline` has passed, drops the others, and
    /// brings everything into the store, again until `deadline`. Executions that have not ended resume at the
    /// next start, for which the data directory is free; those who wait for one are told. What is stored can
    /// still be read.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let until = later(deadline);
        let _ = self.gate.close();
        self.closing.notify_waiters();
        // Held to the end: who comes second is answered when it is over.
        let mut held = self.node.lock().await;
        let Some(node) = held.take() else { return Shutdown::Already };
        // What is just being accepted must be known to the shards before they drain.
        let _ = self.core.timer.until(until, self.emptied.notified()).await;
        let left = node.shutdown(until).await;
        if let Some(store) = &self.embedded
            && let Err(error) = store.release().await
        {
            tracing::warn!(%error, "the data directory stays in use until the engine is dropped");
        }
        match left {
            Ok(Left::Empty) => Shutdown::Stored,
            Ok(Left::ToReplay) | Err(_) => Shutdown::Journaled,
        }
    }
}

/// The instant that is `wait` away; where there is none, one that nobody lives to see.
pub(crate) fn later(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + limits::SPAN)
}

impl Drop for Engine {
    /// An engine that is dropped without a shutdown stops as in a crash: nothing accepted is lost.
    fn drop(&mut self) {
        let _ = self.gate.close();
        self.closing.notify_waiters();
    }
}
