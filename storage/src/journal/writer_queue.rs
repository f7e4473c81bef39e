//! The writer's queue: the channel from the journal's thread to the writer. Waits while the writer is full, which is
//! how pressure travels back, and stops waiting when the journal is abandoned.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

use crate::handoff::Message;

/// Why a message was not sent to the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Stop {
    /// The journal closes, and its time for that is up.
    Abandoned,
    /// The writer ended before the journal.
    WriterGone,
}

/// The channel to the writer.
pub(super) struct WriterQueue {
    writer: mpsc::Sender<Message>,
    /// True, or closed, when the thread must not wait any longer.
    abandon: watch::Receiver<bool>,
    /// Waits for several things at once; it runs nothing else.
    waiter: Runtime,
}

impl WriterQueue {
    pub(super) fn new(writer: mpsc::Sender<Message>, abandon: watch::Receiver<bool>) -> io::Result<Self> {
        Ok(Self { writer, abandon, waiter: Builder::new_current_thread().enable_time().build()? })
    }

    /// Waits for space in the writer's queue.
    pub(super) fn reserve(&mut self) -> Result<mpsc::Permit<'_, Message>, Stop> {
        let Self { writer, abandon, waiter } = self;
        waiter.block_on(async {
            tokio::select! {
                biased;
                place = writer.reserve() => place.map_err(|_| Stop::WriterGone),
                () = abandoned(abandon) => Err(Stop::Abandoned),
            }
        })
    }

    /// Waits for an answer; returns false if there is none, or it is false.
    pub(super) fn wait_for(&mut self, answer: oneshot::Receiver<bool>) -> bool {
        self.or_abandoned(answer).is_some_and(|answer| answer.unwrap_or(false))
    }

    /// Waits for so long; returns true as soon as the journal is abandoned.
    pub(super) fn abandoned_in(&mut self, pause: Duration) -> bool {
        self.or_abandoned(async move { tokio::time::sleep(pause).await }).is_none()
    }

    fn or_abandoned<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let Self { abandon, waiter, .. } = self;
        waiter.block_on(async {
            tokio::select! {
                biased;
                done = what => Some(done),
                () = abandoned(abandon) => None,
            }
        })
    }
}

async fn abandoned(abandon: &mut watch::Receiver<bool>) {
    // An error means that there is no handle, which abandons the journal as well.
    let _ = abandon.wait_for(|&abandoned| abandoned).await;
}
