//! The writer's behaviour over a store that fails, delays, writes in part, panics and hangs. Time is paused: it
//! advances when all tasks wait.

mod bounded;
mod crashing;
mod dead_letters;
mod failing;
mod faulty_store;
mod flowing;
mod holding;
mod pacing;

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use updraft_kernel::batch_limit::BatchLimit;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::Update;

use super::{Barrier, Ended, Group, Message, NotStored, Notice, WriteBehind, WriterConfig};
use faulty_store::FaultyStore;

/// A running writer.
struct Rig {
    store: Arc<FaultyStore>,
    stored: DurableWatermark,
    queue: mpsc::Sender<Message>,
    writer: JoinHandle<Ended>,
    events: Arc<Mutex<Vec<Notice>>>,
}

/// A writer with a fixed batch limit.
fn paced(operations: usize, batches: usize) -> WriterConfig {
    WriterConfig { batch_limit: Some(BatchLimit::Fixed { operations, batches }), ..WriterConfig::default() }
}

fn start(config: WriterConfig) -> Rig {
    let (store, stored) = (Arc::new(FaultyStore::default()), DurableWatermark::new(0));
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let listener = Arc::new(move |event| heard.lock().unwrap().push(event));
    let writer = WriteBehind::new(config, store.clone(), stored.clone(), listener);
    let (queue, messages) = WriteBehind::queue();
    Rig { store, stored, queue, writer: tokio::spawn(writer.run(messages)), events }
}

impl Rig {
    async fn send(&self, lsn: u64, updates: Vec<Update>) {
        assert!(self.queue.send(Message::Groups(vec![Group::new(lsn, updates)])).await.is_ok());
    }

    /// Sends a barrier; returns the receiver of its answer.
    async fn barrier(&self) -> oneshot::Receiver<Result<(), NotStored>> {
        let (answer, answered) = oneshot::channel();
        let barrier = Barrier::new(Box::new(move |outcome| _ = answer.send(outcome)));
        assert!(self.queue.send(Message::Barrier(barrier)).await.is_ok());
        answered
    }

    async fn flush(&self) {
        self.barrier().await.await.unwrap().unwrap();
    }

    async fn close(self) -> Ended {
        drop(self.queue);
        self.writer.await.unwrap()
    }

    fn events(&self) -> Vec<Notice> {
        self.events.lock().unwrap().clone()
    }
}

/// Lets all tasks run until they wait.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
