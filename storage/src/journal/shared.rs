//! The state that the handles and the thread of a journal share: the bound, and whether appends are accepted. Each is
//! one word that only moves one way; nothing here spans two of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::JOURNAL_QUEUE_BYTES;

use super::space::Space;
use crate::log::Error;

/// The state that the handles and the thread share.
pub(super) struct Shared {
    /// Bytes that may still be on their way to the writer. Closed when no more appends are accepted.
    pub(super) room: Arc<Semaphore>,
    /// Whether the disk has space.
    pub(super) space: Space,
    poison: OnceLock<Arc<str>>,
    durable_lsn: DurableWatermark,
    segments: AtomicUsize,
    /// Whether the journal was empty at its end.
    empty: AtomicBool,
    /// Whether all recovered groups have been passed to the writer.
    pub(super) replayed: Arc<AtomicBool>,
}

impl Shared {
    pub(super) fn new(last: u64, replayed: Arc<AtomicBool>) -> Self {
        Self {
            room: Arc::new(Semaphore::new(JOURNAL_QUEUE_BYTES)),
            space: Space::default(),
            poison: OnceLock::new(),
            durable_lsn: DurableWatermark::new(last),
            segments: AtomicUsize::new(0),
            empty: AtomicBool::new(false),
            replayed,
        }
    }

    /// Stops the journal for good; the first cause is kept. Returns the error.
    pub(super) fn poison(&self, cause: Arc<str>) -> Error {
        if self.poison.set(Arc::clone(&cause)).is_ok() {
            tracing::error!(%cause, "the journal is poisoned; nothing more is accepted");
        }
        self.room.close();
        Error::Poisoned { cause: self.poison.get().cloned().unwrap_or(cause) }
    }

    /// Why it is poisoned.
    pub(super) fn cause(&self) -> Option<Arc<str>> {
        self.poison.get().cloned()
    }

    pub(super) fn poisoned(&self) -> Result<(), Error> {
        self.cause().map_or(Ok(()), |cause| Err(Error::Poisoned { cause }))
    }

    /// The refusal once the semaphore is closed.
    pub(super) fn refusal(&self) -> Error {
        self.poisoned().err().unwrap_or(Error::Closed)
    }

    pub(super) fn acknowledge(&self, lsn: u64) {
        // The watermark may already be higher.
        let _ = self.durable_lsn.advance(lsn);
    }

    pub(super) fn durable_lsn(&self) -> u64 {
        self.durable_lsn.get()
    }

    pub(super) fn count_segments(&self, segments: usize) {
        if self.segments.swap(segments, Ordering::Relaxed) != segments {
            metrics::gauge!("updraft_journal_segments").set(segments as f64);
        }
    }

    pub(super) fn segments(&self) -> usize {
        self.segments.load(Ordering::Relaxed)
    }

    pub(super) fn set_empty(&self, empty: bool) {
        self.empty.store(empty, Ordering::Release);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty.load(Ordering::Acquire)
    }
}
