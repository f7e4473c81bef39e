//! Writing behind: between the journal and the store. Takes groups in, keeps the newest update of each document,
//! and writes them in batches. Never loses an update: what the store has not taken stays here and in the
//! journal, and the watermark says how far the store is.

mod backoff;
mod batch;
mod config;
mod dead_letter;
mod deferred;
mod event;
mod notes;
mod pending;
mod refusals;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::WRITER_QUEUE;
use uuid::Uuid;

pub use config::Config;
pub use event::{Event, Listener};
pub use pending::Pending;

pub use crate::handoff::{Barrier, Group, Message, NotStored};
use crate::store::Store;
use notes::Notes;
use writer::Writer;

/// The writer behind a journal, before it runs.
pub struct WriteBehind {
    config: Config,
    store: Arc<dyn Store>,
    stored: DurableWatermark,
    listener: Listener,
    pending: watch::Sender<Pending>,
    trouble: watch::Sender<Option<Arc<str>>>,
    notes: Option<(Uuid, DurableWatermark)>,
}

/// How a writer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ended {
    /// The store has everything.
    Stored,
    /// The store did not take the rest in time; it is in the journal.
    GaveUp {
        /// Documents that were left.
        documents: usize,
    },
}

impl WriteBehind {
    /// A writer to `store`, which says in `stored` below which number the store has everything.
    pub fn new(config: Config, store: Arc<dyn Store>, stored: DurableWatermark, listener: Listener) -> Self {
        let (pending, trouble) = (watch::Sender::default(), watch::Sender::default());
        Self { config, store, stored, listener, pending, trouble, notes: None }
    }

    /// The same, which has the store note how far it has come with this journal, and says in `noted` below which number
    /// that stands there.
    #[must_use]
    pub fn noting(self, journal: Uuid, noted: DurableWatermark) -> Self {
        Self { notes: Some((journal, noted)), ..self }
    }

    /// Why the store does not take what waits, while it does not.
    pub fn trouble(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.trouble.subscribe()
    }

    /// What waits for the store, as it changes.
    pub fn pending(&self) -> watch::Receiver<Pending> {
        self.pending.subscribe()
    }

    /// The queue between the journal and the writer.
    pub fn queue() -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
        mpsc::channel(WRITER_QUEUE)
    }

    /// Writes until the queue is closed and everything is in the store, or until the time for that is up.
    pub async fn run(self, queue: mpsc::Receiver<Message>) -> Ended {
        let notes = Notes::new(Arc::clone(&self.store), self.notes);
        let shown = (self.pending, self.trouble);
        Writer::new(self.config, self.store, self.stored, self.listener, shown, notes).run(queue).await
    }
}
