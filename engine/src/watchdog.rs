//! The watchdog: a thread that counts what is overdue in this engine, names tools that hold up a shard or a thread of their own,
//! sets the gauges, and warns; files that have been kept long enough are removed beside that. Owns the thread, which ends with the
//! engine; what counts as overdue is decided in `kernel` (`watch`). Mends nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use updraft_actors::EngineContext;
use updraft_actors::polling::PollChange;
use updraft_actors::timer::TimerThread;
use updraft_kernel::watch::{Expected, OverdueCounts, OverdueWarnings};
use updraft_protocol::ContainmentDocument;
use updraft_protocol::limits::{BLOCKED_LOOK, LOCAL_CLOSE, WATCH_CONTAINMENTS, WATCH_CONTAINMENTS_AHEAD};

use crate::caches;
use crate::deadline::after;
use crate::engine::Engine;
use crate::files::keep_sweeping;
use crate::health::EngineTrouble;

/// The running watchdog. Dropped, it ends without being waited for.
pub(crate) struct Watchdog {
    /// Dropped to end the thread.
    close: oneshot::Sender<()>,
    /// Completes when it has ended.
    closed: oneshot::Receiver<()>,
    counts: watch::Receiver<OverdueCounts>,
}

impl Watchdog {
    /// Starts the thread, which looks each time that `every` has passed.
    pub(crate) fn start(context: Arc<EngineContext>, every: Duration) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (close, closing) = oneshot::channel::<()>();
        let (told, closed) = oneshot::channel();
        let (sender, counts) = watch::channel(OverdueCounts::default());
        let look = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = closing => {}
                    () = keep_looking(&context, every, &sender) => {}
                    () = keep_looking_at_shards(&context) => {}
                    () = keep_sweeping(&context) => {}
                }
            });
            // The caller may not wait for it.
            let _ = told.send(());
        };
        std::thread::Builder::new().name("updraft-watch".to_owned()).spawn(look)?;
        Ok(Self { close, closed, counts })
    }

    /// Ends it.
    pub(crate) async fn close(self, timer: &TimerThread) {
        drop(self.close);
        let _ = timer.until(after(LOCAL_CLOSE), self.closed).await;
    }
}

impl Engine {
    /// What was overdue when this engine looked last: by default once in a minute. Without anything after the shutdown.
    pub fn overdue_counts(&self) -> OverdueCounts {
        let watchdog = self.watchdog.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        watchdog.as_ref().map(|watchdog| *watchdog.counts.borrow()).unwrap_or_default()
    }
}

async fn keep_looking(context: &EngineContext, every: Duration, told: &watch::Sender<OverdueCounts>) {
    let mut warnings = OverdueWarnings::default();
    loop {
        tokio::time::sleep(every).await;
        caches::show(&context.caches);
        let counts = look(context, told.borrow().containments).await;
        for (of, count) in [
            ("waits", counts.waits),
            ("executions", counts.executions),
            ("containments", counts.containments),
        ] {
            metrics::gauge!("updraft_overdue", "of" => of).set(count as f64);
        }
        for (kind, count) in warnings.due(counts, context.clock.now()) {
            tracing::warn!(count, "there are {kind}: `updraft why` and `updraft containments` say which");
        }
        told.send_replace(counts);
    }
}

/// Looks often enough at what shards poll to name a tool that holds one up.
async fn keep_looking_at_shards(context: &EngineContext) {
    loop {
        tokio::time::sleep(BLOCKED_LOOK).await;
        let now = Instant::now();
        let changes = context.polling.look(now);
        if changes.is_empty() {
            continue;
        }
        metrics::gauge!("updraft_shards_blocked").set(context.polling.blocked(now).len() as f64);
        for change in changes {
            match change {
                PollChange::Blocked(blocked) => tracing::error!("{}", EngineTrouble::from(blocked)),
                PollChange::Freed(blocked) => {
                    tracing::warn!("no longer: {}", EngineTrouble::from(blocked));
                }
            }
        }
    }
}

/// Counts what is overdue; `containments` are those of the look before, if the store does not answer.
async fn look(context: &EngineContext, containments: usize) -> OverdueCounts {
    let now = context.clock.now();
    let mut counts = OverdueCounts { containments, ..OverdueCounts::default() };
    let late = |expected: &Expected| expected.is_overdue(now);
    for entry in context.registry.unfinished(|entry| entry.expected().as_ref().is_some_and(late)) {
        match entry.expected() {
            Some(Expected::End(_)) => counts.waits += 1,
            _ => counts.executions += 1,
        }
    }
    // One whose undo has failed is due again within this time.
    let ahead = now.after(WATCH_CONTAINMENTS_AHEAD);
    if let Ok(found) = context.store.due_containments(ahead, None, WATCH_CONTAINMENTS).await {
        let late = |found: &&ContainmentDocument| Expected::End(found.until).is_overdue(now);
        counts.containments = found.iter().filter(late).count();
    }
    counts
}
