//! What an engine sees of the writing to its store, as it changes. Owns no figure: the writer publishes them.

use std::sync::Arc;

use tokio::sync::watch;
use updraft_kernel::coalescer::Limits;
use updraft_kernel::event_positions::EventPositions;
use updraft_storage::write_behind::{Pending, WriteBehind, WriterFigures};

/// What is seen of the writer.
#[derive(Clone)]
pub(crate) struct StoreWatch {
    /// The limits of the updates that wait for the store.
    pub(crate) buffer: Limits,
    pub(crate) pending: watch::Receiver<Pending>,
    /// Why the store does not take updates, while it does not.
    pub(crate) trouble: watch::Receiver<Option<Arc<str>>>,
    pub(crate) figures: watch::Receiver<WriterFigures>,
    /// The positions of the events that it writes.
    pub(crate) positions: EventPositions,
}

impl StoreWatch {
    /// Watches a writer before it runs.
    pub(crate) fn of(writer: &WriteBehind, buffer: Limits) -> Self {
        let (pending, trouble, figures) = (writer.pending(), writer.trouble(), writer.figures());
        Self { buffer, pending, trouble, figures, positions: writer.positions() }
    }
}
