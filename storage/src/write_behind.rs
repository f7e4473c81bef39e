//! Writing behind: from the journal to the store. Drives [`updraft_kernel::writer`], which decides what is written
//! when, with threads, a clock and a store. Never loses an update: updates that the store has not taken stay here and
//! in the journal, and the watermark is how far the store has come.

mod driver;
mod pending;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use updraft_kernel::event_positions::EventPositions;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::WRITER_QUEUE;
use uuid::Uuid;

pub use pending::Pending;
pub use updraft_kernel::writer::{Ended, Notice, WriterConfig, WriterFigures};

pub use crate::handoff::{Barrier, Group, Message, NotStored};
use crate::store::Store;
use driver::Driver;

/// Gets the notices of the writer. It is called on the writer's task, and must not wait: the writer waits for it.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// The writer of a journal's updates, before it runs.
pub struct WriteBehind {
    config: WriterConfig,
    store: Arc<dyn Store>,
    stored: DurableWatermark,
    listener: Listener,
    pending: watch::Sender<Pending>,
    figures: watch::Sender<WriterFigures>,
    trouble: watch::Sender<Option<Arc<str>>>,
    notes: Option<(Uuid, DurableWatermark)>,
}

impl WriteBehind {
    /// A writer to `store`, which advances `stored`, the number below which the store has everything.
    pub fn new(
        config: WriterConfig,
        store: Arc<dyn Store>,
        stored: DurableWatermark,
        listener: Listener,
    ) -> Self {
        let (pending, figures, trouble) = Default::default();
        Self { config, store, stored, listener, pending, figures, trouble, notes: None }
    }

    /// The same; it also has the store note how far it has come with this journal, and advances `noted`, the number in
    /// that note.
    #[must_use]
    pub fn noting(self, journal: Uuid, noted: DurableWatermark) -> Self {
        Self { notes: Some((journal, noted)), ..self }
    }

    /// The same; the events that the updates tell get these positions.
    #[must_use]
    pub fn positioned(mut self, positions: EventPositions) -> Self {
        self.config.positions = positions;
        self
    }

    /// Why the store does not take updates, while it does not.
    pub fn trouble(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.trouble.subscribe()
    }

    /// The updates that wait for the store, as they change.
    pub fn pending(&self) -> watch::Receiver<Pending> {
        self.pending.subscribe()
    }

    /// The figures of the writer, as they change.
    pub fn figures(&self) -> watch::Receiver<WriterFigures> {
        self.figures.subscribe()
    }

    /// The positions of the events that the updates tell.
    pub fn positions(&self) -> EventPositions {
        self.config.positions
    }

    /// The queue between the journal and the writer.
    pub fn queue() -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
        mpsc::channel(WRITER_QUEUE)
    }

    /// Writes until the queue is closed and everything is in the store, or until the time for that is up.
    pub async fn run(self, queue: mpsc::Receiver<Message>) -> Ended {
        Driver::new(self).run(queue).await
    }
}
