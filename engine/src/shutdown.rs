//! Shutting down: running attempts may end, everything accepted is in the store or the journal, and the unfinished
//! executions resume at the next start.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use updraft_actors::Node;
use updraft_protocol::limits;
use updraft_storage::log::CloseOutcome;
use updraft_storage::sqlite::SqliteStore;

use crate::containments::ReconcilerThread;
use crate::deadline::after;
use crate::engine::Engine;
#[cfg(unix)]
use crate::local::LocalServer;
use crate::triggers::TriggerThread;
use crate::watchdog::Watchdog;

/// The result of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Shutdown {
    /// The store has everything.
    Stored,
    /// The journal has the updates that the store did not take in time; the next start writes them.
    Journaled,
    /// It was shut down before.
    Already,
}

impl Engine {
    /// Accepts nothing more, lets running attempts end until `deadline` has passed, drops the others, and writes
    /// everything to the store, again until `deadline`. Unfinished executions resume at the next start, for which the
    /// data directory is free; callers that wait for one get an error. The store can still be read.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let until = after(deadline);
        let _ = self.submitter.gate.close();
        self.submitter.closing.notify_waiters();
        // Held to the end: a second call returns when the shutdown is over.
        let mut held = self.node.lock().await;
        let Some(node) = held.take() else { return Shutdown::Already };
        self.context.admission.close();
        // Executions that are just being accepted must be known to the shards before they drain.
        let _ = self.context.timer.until(until, self.emptied.notified()).await;
        node.let_end(until).await;
        self.end(node, until).await
    }

    /// Ends running executions, and releases the engine's resources.
    async fn end(&self, node: Node, until: Instant) -> Shutdown {
        if let Some(triggers) = self.take_triggers() {
            triggers.close(&self.context.timer).await;
        }
        if let Some(watchdog) = self.take_watchdog() {
            watchdog.close(&self.context.timer).await;
        }
        if let Some(reconciler) = self.take_reconciler() {
            reconciler.close(&self.context.timer).await;
        }
        // Before the data directory is free: the next engine there opens its own socket.
        #[cfg(unix)]
        if let Some(server) = self.take_local() {
            server.close(&self.context.timer).await;
        }
        // A thread that a disk or a tool blocks ends with the process: nothing that it does is acknowledged.
        let longest = until.max(Instant::now()).checked_add(limits::SHUTDOWN_GRACE).unwrap_or(until);
        let left = self.context.timer.until(longest, node.stop(until)).await;
        if left.is_err() {
            tracing::error!(
                "a thread of the engine does not end, and is left behind; what was accepted is in the journal"
            );
        }
        if left.is_ok() {
            let _ = self.context.timer.until(longest, self.context.gates.close()).await;
        }
        self.give_back(left.is_ok()).await;
        match left {
            Ok(Ok(CloseOutcome::Empty)) => Shutdown::Stored,
            Ok(Ok(CloseOutcome::ToReplay) | Err(_)) | Err(_) => Shutdown::Journaled,
        }
    }

    /// Releases the store, if nothing here writes to it any more, and the data directory.
    async fn give_back(&self, ended: bool) {
        if let Some(ownership) = &self.ownership
            && ended
        {
            ownership.give_back(&self.context.timer).await;
        }
        let Some(store) = self.embedded() else { return };
        let longest = Instant::now() + limits::SHUTDOWN_GRACE;
        let released = self.context.timer.until(longest, store.release()).await;
        let kept = match released {
            Ok(Ok(())) => {
                *self.embedded.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its thread does not answer".to_owned(),
        };
        tracing::warn!(error = kept, "the data directory stays in use until the engine is dropped");
    }
}

impl Engine {
    #[cfg(unix)]
    fn take_local(&self) -> Option<LocalServer> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn take_reconciler(&self) -> Option<ReconcilerThread> {
        self.reconciler.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn take_triggers(&self) -> Option<TriggerThread> {
        self.triggers.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn take_watchdog(&self) -> Option<Watchdog> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The embedded store, while its lock is held.
    fn embedded(&self) -> Option<Arc<SqliteStore>> {
        self.embedded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Engine {
    /// An engine that is dropped without a shutdown stops as in a crash: nothing accepted is lost. Its threads end and
    /// its data directory is free soon after, even while handles exist: once calls of tools were dropped, and the disk
    /// and the embedded store have finished their current work. This does not wait for it.
    fn drop(&mut self) {
        let _ = self.submitter.gate.close();
        self.submitter.closing.notify_waiters();
        #[cfg(unix)]
        let server = self.take_local();
        // Dropped, it ends by itself.
        drop((self.take_reconciler(), self.take_watchdog(), self.take_triggers()));
        let (node, store, context) = (self.node.get_mut().take(), self.embedded(), self.context.clone());
        if node.is_none() && store.is_none() {
            return;
        }
        // Without a thread they are dropped here: the node ends nevertheless, and the store with its last handle.
        let _ = std::thread::Builder::new().name("updraft-drop".to_owned()).spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                #[cfg(unix)]
                if let Some(server) = server {
                    server.close(&context.timer).await;
                }
                if let Some(node) = node {
                    let _ = node.stop(Instant::now()).await;
                }
                if let Some(store) = store
                    && let Err(error) = store.release().await
                {
                    tracing::warn!(%error, "the data directory stays in use as long as handles are held");
                }
            });
        });
    }
}
