//! Asks how far the loops of a followed execution have come: only after something has changed, and no more often than people
//! read. Owns when the engine is asked; shows nothing.

use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use updraft::{Event, EventKind, Handle, ReadError, RunningLoop, TaskId};

/// The time between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// The loops of one execution.
pub(crate) struct LoopWatch<'a> {
    handle: &'a Handle,
    /// Its loops that run.
    running: BTreeSet<TaskId>,
    /// Whether something has changed since it was asked.
    is_stale: bool,
    /// Before this it is not asked again.
    next: Instant,
    /// The question under way: it outlives a call that is dropped.
    asked: Option<BoxFuture<'a, Result<Vec<RunningLoop>, ReadError>>>,
}

impl<'a> LoopWatch<'a> {
    pub(crate) fn new(handle: &'a Handle) -> Self {
        Self { handle, running: BTreeSet::new(), is_stale: false, next: Instant::now(), asked: None }
    }

    /// A task has changed, which is the run of a loop or not.
    pub(crate) fn event(&mut self, event: &Event, is_loop: bool) {
        let EventKind::Task { task_id, status, .. } = &event.kind else { return };
        self.is_stale = true;
        if status.ended() {
            self.running.remove(task_id);
        } else if is_loop {
            self.running.insert(*task_id);
        }
    }

    /// How far the loops have come, the next time that it is worth showing; never where no loop runs.
    pub(crate) async fn next(&mut self) -> Result<Vec<RunningLoop>, ReadError> {
        if self.asked.is_none() {
            if self.running.is_empty() || !self.is_stale {
                return pending().await;
            }
            tokio::time::sleep_until(self.next).await;
            self.is_stale = false;
        }
        let handle = self.handle;
        let asked = self.asked.get_or_insert_with(|| async move { handle.loops().await }.boxed());
        let answer = asked.await;
        self.asked = None;
        self.next = Instant::now() + PAUSE;
        answer
    }
}
