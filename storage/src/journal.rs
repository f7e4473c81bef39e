//! The journal: append-only segments in which every update is durable before anything acts on it. It covers the
//! window between an update and its write to the store. Never looks into updates, never talks to a store.
//!
//! One thread writes for everyone: appends that come while it syncs share the next sync. Pressure travels back
//! through it: a full writer makes the thread wait, the bound of the queue fills, and `append` hands back.
//!
//! What poisons it: a sync that failed, a write that failed for another reason than a full disk, a full disk's half-written
//! frames that could not be cut off, a writer behind it that is gone, a panic of its thread. The sync is never tried again,
//! because a kernel that failed one may answer the next with Ok and have dropped the bytes; what was acknowledged before is
//! durable and stays.
//!
//! A full disk does not: what was written of the group is cut off, appends that can be given up are refused with
//! [`Error::NoSpace`], the others wait, and the journal looks for room until there is some.

mod append;
mod config;
mod disk;
mod error;
mod frame;
mod full;
mod inspect;
mod reader;
mod recovery;
mod replay;
mod retention;
mod segment;
mod shared;
mod space;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod thread;
mod torn;
mod writer_queue;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, TryAcquireError, mpsc, oneshot, watch};
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::JOURNAL_QUEUE;

pub use append::{Append, Done, Refused};
pub use config::{Config, Durability};
pub use disk::{Disk, FileDisk, JournalFile};
pub use error::Error;
pub use frame::Frame;
pub use inspect::Inspected;
pub use recovery::Torn;
pub use replay::Replay;
pub use segment::FORMAT;
pub use space::NoSpace;
pub use updraft_kernel::shared::revocable::{Revocable, Revoke};

use crate::callback::Callback;
use crate::handoff::Message;
use append::{Command, LEAST_ROOM, Queued, QueuedBarrier, room_of};
use retention::Retention;
use segment::Segment;
use shared::Shared;
use thread::Worker;
use writer_queue::WriterQueue;

/// A handle of the journal; clones are handles of the same one. Dropping the last without [`Journal::close`]
/// ends the thread after what is queued, without waiting for the writer.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    commands: Sender<Command>,
    shared: Arc<Shared>,
    closing: AtomicBool,
    abandon: watch::Sender<bool>,
    /// Closed when the thread has ended.
    ended: watch::Receiver<()>,
}

/// How a journal stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The number of the newest durable append.
    pub acknowledged: u64,
    /// How many segments there are.
    pub segments: usize,
    /// Bytes that may still be appended before the writer takes some.
    pub room_bytes: usize,
    /// Why nothing more is accepted, after a failed write or sync.
    pub poisoned: Option<Arc<str>>,
    /// That the disk has no room for more, if it has none.
    pub no_space: Option<NoSpace>,
}

/// How a journal was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Left {
    /// The store has everything; the next start has nothing to replay.
    Empty,
    /// The next start replays what the store may not have.
    ToReplay,
}

impl Journal {
    /// Opens the journal in a folder, proves what it holds, and starts its thread. It blocks on the disk.
    ///
    /// `writer` is the queue of the writer behind it, `stored` the number below which the store has everything and, where it
    /// keeps notes, has noted so: what is below may be dropped.
    ///
    /// # Errors
    /// A folder that is in use or cannot be used, corruption with its place, a format that is not known.
    pub fn open(
        folder: &Path,
        config: Config,
        disk: Arc<dyn Disk>,
        writer: mpsc::Sender<Message>,
        stored: DurableWatermark,
    ) -> Result<(Self, Replay), Error> {
        disk.make_folder(folder).map_err(Error::disk("making its folder"))?;
        let lock = disk.lock(folder).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => Error::InUse { folder: folder.display().to_string() },
            _ => Error::disk("locking its folder")(error),
        })?;
        let scan = recovery::scan(&*disk, folder)?;
        if let Some(Torn { segment, offset }) = &scan.torn {
            tracing::warn!(
                segment,
                offset,
                "the journal ended in a write that never finished; it is cut off"
            );
            metrics::counter!("updraft_journal_torn_total").increment(1);
        }
        let begin = if scan.replaced { Segment::replace } else { Segment::create };
        let id = scan.id.unwrap_or(config.id);
        let active = begin(&*disk, folder, scan.next, id).map_err(Error::disk("making a segment"))?;
        let replayed = Arc::new(AtomicBool::new(false));
        let recovered = Replay::new(Arc::clone(&disk), id, &scan, Arc::clone(&replayed));
        let shared = Arc::new(Shared::new(scan.next - 1, Arc::clone(&replayed)));
        let retention = Retention::new(Arc::clone(&disk), folder.to_owned(), scan.sealed, stored, replayed);
        shared.count_segments(retention.len() + 1);
        let (abandon, abandoned) = watch::channel(false);
        let (ended, end) = watch::channel(());
        // One place more than the room has: closing always finds one.
        let (commands, queue) = crossbeam_channel::bounded(JOURNAL_QUEUE + 1);
        let worker = {
            let (shared, folder) = (Arc::clone(&shared), folder.to_owned());
            let config = Config { id, segments: config.segments.max(2), ..config };
            move |writer_queue| Worker {
                disk,
                folder,
                config,
                commands: queue,
                writer_queue,
                shared,
                active,
                retention,
                next: scan.next,
                kept: VecDeque::new(),
                skipped: false,
                full: None,
                buffer: Vec::new(),
                lock,
                ended,
            }
        };
        start(worker, writer, abandoned, Arc::clone(&shared))?;
        let inner = Inner { commands, shared, closing: AtomicBool::new(false), abandon, ended: end };
        Ok((Self { inner: Arc::new(inner) }, recovered))
    }

    /// Queues an append; never waits. Its `done` is called when it is durable.
    ///
    /// # Errors
    /// The append, with [`Error::Full`], [`Error::NoSpace`] where it can be given up, [`Error::Poisoned`],
    /// [`Error::NotReplayed`] or [`Error::Closed`].
    pub fn append(&self, append: Append) -> Result<(), Box<Refused>> {
        let room = Arc::clone(&self.inner.shared.room).try_acquire_many_owned(room_of(&append.frame));
        self.admit(append, room.map_err(|error| self.no_room(&error)))
    }

    /// Queues an append as soon as there is room.
    ///
    /// # Errors
    /// The append, with [`Error::NoSpace`] where it can be given up, [`Error::Poisoned`], [`Error::NotReplayed`] or
    /// [`Error::Closed`].
    pub async fn append_waiting(&self, append: Append) -> Result<(), Box<Refused>> {
        let room = Arc::clone(&self.inner.shared.room).acquire_many_owned(room_of(&append.frame)).await;
        self.admit(append, room.map_err(|error| self.closed_room(&error)))
    }

    /// Calls `done` when every append before is in the store; never waits itself.
    ///
    /// # Errors
    /// The callback, with why it was not taken.
    pub fn barrier(&self, done: Done<()>) -> Result<(), (Done<()>, Error)> {
        match Arc::clone(&self.inner.shared.room).try_acquire_many_owned(LEAST_ROOM as u32) {
            Ok(room) => self.queue_barrier(done, room),
            Err(error) => Err((done, self.no_room(&error))),
        }
    }

    /// Waits until every append before is in the store.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::NotStored`] or [`Error::Closed`].
    pub async fn flush(&self) -> Result<(), Error> {
        let room = Arc::clone(&self.inner.shared.room).acquire_many_owned(LEAST_ROOM as u32).await;
        let room = room.map_err(|error| self.closed_room(&error))?;
        let (answer, answered) = oneshot::channel();
        // The sender is gone where the caller no longer waits.
        let done: Done<()> = Box::new(move |outcome| drop(answer.send(outcome)));
        self.queue_barrier(done, room).map_err(|(_, error)| error)?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let shared = &self.inner.shared;
        Status {
            acknowledged: shared.acknowledged(),
            segments: shared.segments(),
            room_bytes: shared.room.available_permits(),
            poisoned: shared.cause(),
            no_space: shared.space.status(),
        }
    }

    /// Closes the journal: what is queued is made durable, the store is waited for as long as `drain`, and the
    /// thread ends. What the store did not take by then stays in the journal.
    ///
    /// # Errors
    /// [`Error::Poisoned`] where a write or a sync had failed, now or before.
    pub async fn close(self, drain: Duration) -> Result<Left, Error> {
        let inner = &self.inner;
        inner.shared.room.close();
        if !inner.closing.swap(true, Ordering::AcqRel) {
            // It fails only where the thread has ended already.
            let _ = inner.commands.try_send(Command::Close);
        }
        let mut ended = inner.ended.clone();
        let end = async { while ended.changed().await.is_ok() {} };
        if tokio::time::timeout(drain, end).await.is_err() {
            inner.abandon.send_replace(true);
            let mut ended = inner.ended.clone();
            while ended.changed().await.is_ok() {}
        }
        inner.shared.poisoned()?;
        Ok(if inner.shared.is_empty() { Left::Empty } else { Left::ToReplay })
    }

    /// Stops it for good, as a failed write does: nothing more is accepted, and what is queued is refused. For an engine that
    /// may go on with nothing.
    pub fn stop(&self, cause: &str) {
        // The error is for who waits, and those are told.
        let _ = self.inner.shared.poison(cause.into());
    }

    fn admit(&self, append: Append, room: Result<OwnedSemaphorePermit, Error>) -> Result<(), Box<Refused>> {
        let room = match room {
            Ok(room) if self.inner.shared.replayed.load(Ordering::Acquire) => {
                match self.inner.shared.space.refusal().filter(|_| append.claim.is_some()) {
                    Some(error) => return Err(Box::new(Refused { append, error })),
                    None => room,
                }
            }
            Ok(_) => return Err(Box::new(Refused { append, error: Error::NotReplayed })),
            Err(error) => return Err(Box::new(Refused { append, error })),
        };
        let Err(error) = self.inner.commands.try_send(Command::Append(Queued::new(append, room))) else {
            return Ok(());
        };
        match error.into_inner() {
            Command::Append(queued) => {
                Err(Box::new(Refused { append: queued.hand_back(), error: self.inner.shared.refusal() }))
            }
            Command::Barrier(_) | Command::Close => Ok(()),
        }
    }

    fn queue_barrier(&self, done: Done<()>, room: OwnedSemaphorePermit) -> Result<(), (Done<()>, Error)> {
        let barrier = Command::Barrier(QueuedBarrier { answer: Callback::new(done), room });
        let Err(error) = self.inner.commands.try_send(barrier) else { return Ok(()) };
        match error.into_inner() {
            Command::Barrier(barrier) => Err((barrier.answer.take_back(), self.inner.shared.refusal())),
            Command::Append(_) | Command::Close => Ok(()),
        }
    }

    fn no_room(&self, error: &TryAcquireError) -> Error {
        match error {
            // What waits for room on the disk is what fills the queue.
            TryAcquireError::NoPermits => self.inner.shared.space.refusal().unwrap_or(Error::Full),
            TryAcquireError::Closed => self.inner.shared.refusal(),
        }
    }

    fn closed_room(&self, _: &AcquireError) -> Error {
        self.inner.shared.refusal()
    }
}

fn start(
    worker: impl FnOnce(WriterQueue) -> Worker + Send + 'static,
    writer: mpsc::Sender<Message>,
    abandoned: watch::Receiver<bool>,
    shared: Arc<Shared>,
) -> Result<(), Error> {
    // The writer_queue is made on the thread that also drops it: its runtime must not be dropped inside another.
    let work = move || match WriterQueue::new(writer, abandoned) {
        Ok(writer_queue) => worker(writer_queue).run(),
        Err(error) => {
            shared.poison(format!("its thread could not begin: {error}").into());
        }
    };
    let thread = std::thread::Builder::new().name("updraft-journal".to_owned()).spawn(work);
    thread.map(drop).map_err(Error::disk("starting its thread"))
}
