//! Retention: which segments may go. A segment goes when all that it holds is in the store, oldest first; never
//! the one that is written, never one that is still to be replayed.

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
    /// A removal failed: it is tried again, but told once.
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

    /// Removes what the store has.
    pub(super) fn clean(&mut self) {
        while let Some(oldest) = self.sealed.front()
            && self.is_stored(oldest.last)
        {
            // One after the other: a power failure must not bring back an older segment than one that is gone.
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
