//! Threads that own connections: SQLite blocks, the runtime must not. Knows no SQL.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use updraft_protocol::limits::STORE_QUEUE;

use crate::lock::FileLock;
use crate::store::Error;

struct Job {
    work: Box<dyn FnOnce(&mut Connection) + Send>,
    /// Given back when the work is done.
    place: OwnedSemaphorePermit,
}

/// Connections, each with its thread, that share one bounded queue.
pub(super) struct Pool {
    /// Taken by `drop`: the threads end when queued work is done.
    jobs: Option<Sender<Job>>,
    /// One permit for each place in the queue: callers wait here, so that a send never blocks the runtime.
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// A thread for each connection. They hold `lock` for as long as a connection is open.
    pub(super) fn spawn(
        name: &str,
        connections: Vec<Connection>,
        lock: &Arc<FileLock>,
    ) -> Result<Self, Error> {
        let (jobs, queue) = crossbeam_channel::bounded(STORE_QUEUE);
        let places = Arc::new(Semaphore::new(STORE_QUEUE));
        let mut pool = Self { jobs: Some(jobs), places, threads: Vec::new() };
        for connection in connections {
            let (queue, lock) = (queue.clone(), Arc::clone(lock));
            let thread = thread::Builder::new()
                .name(name.into())
                .spawn(move || work(connection, &queue, lock))
                .map_err(|error| Error::Unavailable(format!("no thread for the store: {error}")))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads. Once queued it is done even if the caller has gone.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |connection: &mut Connection| {
            // Sending fails if the caller no longer waits.
            let _ = reply.send(work(connection));
        });
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.try_send(Job { work, place }).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // An answer can wake the owner that drops the store, on the very thread that sent the answer.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

fn ended() -> Error {
    Error::Unavailable("the thread that had the call did not answer".into())
}

fn work(mut connection: Connection, queue: &Receiver<Job>, lock: Arc<FileLock>) {
    for Job { work, place } in queue {
        if catch_unwind(AssertUnwindSafe(|| work(&mut connection))).is_err() {
            tracing::error!("a call of the store panicked");
        }
        drop(place);
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the store did not close cleanly");
    }
    drop(lock);
}
