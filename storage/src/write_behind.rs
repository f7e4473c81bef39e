//! Writing behind: between the journal and the store. Drives [`updraft_kernel::writer`], which decides what is written when,
//! with threads, a clock and a store. Never loses an update: what the store has not taken stays here and in the journal, and
//! the watermark says how far the store is.

mod driver;
mod pending;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::WRITER_QUEUE;
use uuid::Uuid;

pub use pending::Pending;
pub use updraft_kernel::writer::{Ended, Notice, WriterConfig};

pub use crate::handoff::{Barrier, Group, Message, NotStored};
use crate::store::Store;
use driver::Driver;

/// Who is told what becomes of writes. It is called on the writer's task, and must not wait: the writer waits for it.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// The writer behind a journal, before it runs.
pub struct WriteBehind {
    config: WriterConfig,
    store: Arc<dyn Store>,
    stored: DurableWatermark,
    listener: Listener,
    pending: watch::Sender<Pending>,
    trouble: watch::Sender<Option<Arc<str>>>,
    notes: Option<(Uuid, DurableWatermark)>,
}

impl WriteBehind {
    /// A writer to `store`, which says in `stored` below which number the store has everything.
    pub fn new(
        config: WriterConfig,
        store: Arc<dyn Store>,
        stored: DurableWatermark,
        listener: Listener,
    ) -> Self {
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
        Driver::new(self).run(queue).await
    }
}
