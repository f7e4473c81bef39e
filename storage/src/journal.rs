//! The journal: append-only segments in which every update is durable before anything acts on it. It covers the
//! window between an update and its write to the store. Never looks into updates, never talks to a store.
//!
//! The provider of the [`Log`] port on a disk of this machine. One thread writes for all callers. Appends that arrive
//! during a sync share the next sync, whatever their need: so an append with [`log::Need::Behind`] becomes durable with
//! the others. Pressure travels back through it: a full writer makes the thread wait, the bound of the queue fills, and
//! `append` refuses.
//!
//! The journal is poisoned by a failed sync, by a write that failed for another reason than a full disk, by
//! half-written frames on a full disk that could not be cut off, by the end of its writer, or by a panic of its thread.
//! The sync is never tried again, because a kernel that failed one may answer the next with Ok and have dropped the
//! bytes; acknowledged appends are durable and remain.
//!
//! A full disk does not poison it: the group's bytes are cut off, revocable appends are refused with
//! [`log::Error::NoSpace`], the others wait, and the journal checks for space until there is some.

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

use async_trait::async_trait;
use crossbeam_channel::Sender;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, TryAcquireError, mpsc, oneshot, watch};
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::JOURNAL_QUEUE;

pub use config::{Config, Durability};
pub use disk::{Disk, FileDisk, JournalFile};
pub use error::Error;
pub use inspect::Inspected;
pub use recovery::Torn;
pub use replay::Replay;
pub use segment::FORMAT;

use crate::callback::{Callback, OnDone};
use crate::handoff::Message;
use crate::log::{self, Append, CloseOutcome, Log, Refused, Status};
use append::{Command, LEAST_ROOM, Queued, QueuedBarrier, room_of};
use frame::Frame;
use retention::Retention;
use segment::Segment;
use shared::Shared;
use thread::Worker;
use writer_queue::WriterQueue;

/// A handle of the journal; clones are handles of the same journal. Dropping the last without [`Log::close`] ends the
/// thread after its queue, without waiting for the writer.
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

impl Journal {
    /// Opens the journal in a folder, verifies its content, and starts its thread. It blocks on the disk.
    ///
    /// `writer` is the queue to the writer. `stored` is the number below which the store has everything and, if it
    /// keeps notes, has noted so: groups below it may be dropped.
    ///
    /// # Errors
    /// A folder that is in use or cannot be used, corruption with its place, an unknown format.
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
        // One place more than the bound has: a close always finds one.
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

    /// The frame of an append, encoded on the caller's thread.
    fn framed(&self, append: Append) -> Result<(Append, Frame), Box<Refused>> {
        match Frame::encode(&append.updates) {
            Ok(frame) => Ok((append, frame)),
            Err(error) => Err(Box::new(Refused { append, error })),
        }
    }

    fn admit(
        &self,
        append: Append,
        frame: Frame,
        room: Result<OwnedSemaphorePermit, log::Error>,
    ) -> Result<(), Box<Refused>> {
        let shared = &self.inner.shared;
        let room = match room {
            Ok(room) if shared.replayed.load(Ordering::Acquire) => {
                match shared.space.refusal().filter(|_| append.claim.is_some()) {
                    Some(error) => return Err(Box::new(Refused { append, error })),
                    None => room,
                }
            }
            Ok(_) => return Err(Box::new(Refused { append, error: log::Error::NotReplayed })),
            Err(error) => return Err(Box::new(Refused { append, error })),
        };
        if append.updates.is_empty() {
            // Every answered append is durable.
            Callback::new(append.done).give(Ok(shared.durable_lsn()));
            return Ok(());
        }
        let Err(error) = self.inner.commands.try_send(Command::Append(Queued::new(append, frame, room)))
        else {
            return Ok(());
        };
        match error.into_inner() {
            Command::Append(queued) => {
                Err(Box::new(Refused { append: queued.hand_back(), error: shared.refusal() }))
            }
            Command::Barrier(_) | Command::Close => Ok(()),
        }
    }

    fn closed_room(&self, _: &AcquireError) -> log::Error {
        self.inner.shared.refusal()
    }
}

#[async_trait]
impl Log for Journal {
    fn append(&self, append: Append) -> Result<(), Box<Refused>> {
        let (append, frame) = self.framed(append)?;
        let shared = &self.inner.shared;
        let room = Arc::clone(&shared.room).try_acquire_many_owned(room_of(&frame));
        let room = room.map_err(|error| match error {
            // If appends wait for space on the disk, they fill the queue.
            TryAcquireError::NoPermits => shared.space.refusal().unwrap_or(log::Error::Full),
            TryAcquireError::Closed => shared.refusal(),
        });
        self.admit(append, frame, room)
    }

    async fn append_waiting(&self, append: Append) -> Result<(), Box<Refused>> {
        let (append, frame) = self.framed(append)?;
        let room = Arc::clone(&self.inner.shared.room).acquire_many_owned(room_of(&frame)).await;
        self.admit(append, frame, room.map_err(|error| self.closed_room(&error)))
    }

    async fn flush(&self) -> Result<(), log::Error> {
        let room = Arc::clone(&self.inner.shared.room).acquire_many_owned(LEAST_ROOM as u32).await;
        let room = room.map_err(|error| self.closed_room(&error))?;
        let (answer, answered) = oneshot::channel();
        // Sending fails if the caller no longer waits.
        let done: OnDone<(), log::Error> = Box::new(move |outcome| drop(answer.send(outcome)));
        let barrier = QueuedBarrier { answer: Callback::new(done), room };
        if self.inner.commands.try_send(Command::Barrier(barrier)).is_err() {
            return Err(self.inner.shared.refusal());
        }
        answered.await.unwrap_or(Err(log::Error::Closed))
    }

    fn status(&self) -> Status {
        let shared = &self.inner.shared;
        Status {
            durable_lsn: shared.durable_lsn(),
            segments: shared.segments(),
            room_bytes: shared.room.available_permits(),
            poisoned: shared.cause(),
            no_space: shared.space.status(),
        }
    }

    /// Ends the thread; waits for a full writer no longer than `drain`.
    async fn close(&self, drain: Duration) -> Result<CloseOutcome, log::Error> {
        let inner = &self.inner;
        inner.shared.room.close();
        if !inner.closing.swap(true, Ordering::AcqRel) {
            // Fails only if the thread has ended already.
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
        Ok(if inner.shared.is_empty() { CloseOutcome::Empty } else { CloseOutcome::ToReplay })
    }

    fn stop(&self, cause: &str) {
        // The waiting callers get the error.
        let _ = self.inner.shared.poison(cause.into());
    }
}

fn start(
    worker: impl FnOnce(WriterQueue) -> Worker + Send + 'static,
    writer: mpsc::Sender<Message>,
    abandoned: watch::Receiver<bool>,
    shared: Arc<Shared>,
) -> Result<(), Error> {
    // The runtime in the queue must be made and dropped on this thread, not inside of another runtime.
    let work = move || match WriterQueue::new(writer, abandoned) {
        Ok(writer_queue) => worker(writer_queue).run(),
        Err(error) => {
            shared.poison(format!("its thread could not begin: {error}").into());
        }
    };
    let thread = std::thread::Builder::new().name("updraft-journal".to_owned()).spawn(work);
    thread.map(drop).map_err(Error::disk("starting its thread"))
}
