//! Retention: which segments may be deleted. A segment is deleted when all of it is in the store, oldest first; never
//! the active segment, never one that is still to be replayed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use updraft_kernel::shared::DurableWatermark;

use super::disk::Disk;
use super::segment::Sealed;

/// The segments that wait for the store.
pub(super) struct Retention {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    sealed: VecDeque<Sealed>,
    /// Everything below it is in the store.
    stored: DurableWatermark,
    replayed: Arc<AtomicBool>,
    /// A removal failed: it is retried, but reported once.
    stuck: bool,
}

impl Retention {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        sealed: Vec<Sealed>,
        stored: DurableWatermark,
        replayed: Arc<AtomicBool>,
    ) -> Self {
        Self { disk, folder, sealed: sealed.into(), stored, replayed, stuck: false }
    }

    pub(super) fn len(&self) -> usize {
        self.sealed.len()
    }

    pub(super) fn keep(&mut self, segment: Sealed) {
        self.sealed.push_back(segment);
    }

    /// Whether everything up to `lsn` is in the store.
    pub(super) fn is_stored(&self, lsn: u64) -> bool {
        self.replayed.load(Ordering::Acquire) && lsn < self.stored.get()
    }

    /// Deletes segments that the store has.
    pub(super) fn clean(&mut self) {
        while let Some(oldest) = self.sealed.front()
            && self.is_stored(oldest.last)
        {
            // One by one: after a power failure an older segment must not exist without a newer one.
            let removed = self.disk.remove(&oldest.path).and_then(|()| self.disk.sync_folder(&self.folder));
            if let Err(error) = removed {
                if !self.stuck {
                    tracing::warn!(segment = oldest.name, %error, "a segment of the journal cannot be removed");
                }
                self.stuck = true;
                return;
            }
            self.stuck = false;
            self.sealed.pop_front();
        }
    }
}
