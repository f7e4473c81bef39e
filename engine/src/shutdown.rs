//! Shutting down: what runs may end, everything accepted is in the store or the journal, and what was
//! waiting resumes at the next start.

use std::sync::PoisonError;
use std::time::Duration;

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
    /// next start; those who wait for one are told.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let _ = self.gate.close();
        self.released.notify_waiters();
        let node = self.node.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(node) = node else { return Shutdown::Already };
        match node.shutdown(deadline).await {
            Ok(Left::Empty) => Shutdown::Stored,
            Ok(Left::ToReplay) | Err(_) => Shutdown::Journaled,
        }
    }
}

impl Drop for Engine {
    /// An engine that is dropped without a shutdown stops as in a crash: nothing accepted is lost.
    fn drop(&mut self) {
        let _ = self.gate.close();
        self.released.notify_waiters();
    }
}
