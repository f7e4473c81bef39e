//! The journal's thread: takes the queued appends, writes them with one write and one sync, answers, and passes the
//! groups to the writer. Only this thread touches the files once the journal is open.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::{oneshot, watch};
use updraft_protocol::limits::JOURNAL_GROUP_BYTES;

use super::append::{Command, Queued, QueuedBarrier};
use super::config::{Config, Durability};
use super::disk::Disk;
use super::error::{cause, is_full};
use super::full::Full;
use super::retention::Retention;
use super::segment::{Segment, Unwritten};
use super::shared::Shared;
use super::writer_queue::{Stop, WriterQueue};
use crate::handoff::{Barrier, Group, Message, NotStored};
use crate::log::Error;

/// How often segments are checked while nothing is appended.
const IDLE_CHECK: Duration = Duration::from_secs(1);
/// How often the journal checks whether a segment may be deleted, when it has the most that it may have.
const FULL_CHECK: Duration = Duration::from_millis(10);

/// The state of the thread.
pub(super) struct Worker {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) config: Config,
    pub(super) commands: Receiver<Command>,
    pub(super) writer_queue: WriterQueue,
    pub(super) shared: Arc<Shared>,
    pub(super) active: Segment,
    pub(super) retention: Retention,
    /// The number of the next frame.
    pub(super) next: u64,
    /// Commands that were taken from the queue and are to be handled first.
    pub(super) kept: VecDeque<Command>,
    /// Whether some groups were not passed to the writer, which then does not have everything in the journal.
    pub(super) skipped: bool,
    /// Set while the disk is full.
    pub(super) full: Option<Full>,
    /// The buffer of a write, kept for the next.
    pub(super) buffer: Vec<u8>,
    /// Keeps other processes out; given back before the end is reported.
    pub(super) lock: Box<dyn Send>,
    /// Dropped when the thread ends.
    pub(super) ended: watch::Sender<()>,
}

/// What ends a window, beside its limits.
enum Then {
    GoOn,
    Barrier(QueuedBarrier),
    Close,
}

impl Worker {
    /// Works until it gets the close command, or until there is no handle.
    pub(super) fn run(mut self) {
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.work()));
        if worked.is_err() {
            self.shared.poison("its thread panicked".into());
        }
        // Queued messages are answered by being dropped.
        let Self { commands, kept, writer_queue, active, lock, ended, .. } = self;
        drop((kept, commands, writer_queue, active, lock));
        drop(ended);
    }

    fn work(&mut self) {
        let closed = loop {
            match self.first() {
                Err(RecvTimeoutError::Timeout) => {
                    self.clean();
                    self.look_for_space();
                }
                Err(RecvTimeoutError::Disconnected) => break false,
                Ok(first) => {
                    let (window, then) = self.gather(first);
                    self.commit(window);
                    self.clean();
                    self.look_for_space();
                    match then {
                        Then::GoOn => {}
                        Then::Barrier(barrier) => self.pass_on(barrier),
                        Then::Close => break true,
                    }
                }
            }
        };
        self.finish(closed);
    }

    /// The next command; an error if segments or the disk are to be checked.
    fn first(&mut self) -> Result<Command, RecvTimeoutError> {
        match self.kept.pop_front() {
            Some(kept) => Ok(kept),
            None if self.full.is_some() => self.commands.recv_timeout(self.config.full_check),
            None if self.retention.len() > 0 => self.commands.recv_timeout(IDLE_CHECK),
            None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// The queued appends, up to the bytes of one write.
    fn gather(&mut self, first: Command) -> (Vec<Queued>, Then) {
        let limit = self.config.segment_bytes.min(JOURNAL_GROUP_BYTES as u64);
        let (mut window, mut bytes) = (Vec::new(), 0);
        let mut command = Some(first);
        loop {
            match command {
                None => return (window, Then::GoOn),
                Some(Command::Barrier(barrier)) => return (window, Then::Barrier(barrier)),
                Some(Command::Close) => return (window, Then::Close),
                Some(Command::Append(append)) => {
                    bytes += append.frame.bytes() as u64;
                    window.push(append);
                }
            }
            let mut next = || self.kept.pop_front().or_else(|| self.commands.try_recv().ok());
            command = if bytes < limit { next() } else { None };
        }
    }

    /// Makes a window durable, answers its callers, and passes its groups on. While the disk is full it waits.
    fn commit(&mut self, mut window: Vec<Queued>) {
        loop {
            let bytes = window.iter().map(|append| append.frame.bytes()).sum();
            let place = self.shared.poisoned().and_then(|()| self.place_for(bytes as u64));
            // As late as possible, since the thread may have waited for space.
            window.retain(Queued::take);
            if window.is_empty() {
                return;
            }
            let Err(error) = place.and_then(|place| self.write(&window, place)) else { break };
            self.no_space(bytes, &error);
            if !matches!(error, Error::NoSpace { .. }) || !self.wait_for_space(&mut window, &error) {
                let error = if error.retryable() { self.shared.refusal() } else { error };
                window.into_iter().for_each(|append| append.done.give(Err(error.clone())));
                return;
            }
        }
        self.hand_on(window);
    }

    /// Answers the callers of a durable window, and passes its groups on.
    fn hand_on(&mut self, window: Vec<Queued>) {
        let mut groups = Vec::with_capacity(window.len());
        for append in window {
            let lsn = self.next;
            self.next += 1;
            self.shared.acknowledge(lsn);
            append.done.give(Ok(lsn));
            groups.push(Group { lsn, updates: append.updates, room: Some(append.room) });
        }
        match self.writer_queue.reserve() {
            Ok(place) => place.send(Message::Groups(groups)),
            // They are in the journal, and are replayed at the next start.
            Err(Stop::Abandoned) => self.skipped = true,
            Err(Stop::WriterGone) => {
                self.shared.poison("the writer behind the journal is gone".into());
            }
        }
    }

    fn write(&mut self, window: &[Queued], place: u32) -> Result<(), Error> {
        self.buffer.clear();
        for (append, ahead) in window.iter().zip(0_u32..) {
            append.frame.seal(self.next + u64::from(ahead), place.saturating_add(ahead), &mut self.buffer);
        }
        let sync = self.config.durability == Durability::Fsync;
        match self.active.append(&self.buffer, window.len() as u32, sync) {
            Ok(()) => {}
            Err(Unwritten::NoSpace(error)) => return Err(Error::NoSpace { cause: cause(&error) }),
            Err(Unwritten::Failed(error)) => return Err(self.failed(self.active.name(), &error)),
        }
        metrics::counter!("updraft_journal_frames_total").increment(window.len() as u64);
        metrics::counter!("updraft_journal_bytes_total").increment(self.buffer.len() as u64);
        if sync {
            metrics::counter!("updraft_journal_fsyncs_total").increment(1);
        }
        self.buffer.shrink_to(JOURNAL_GROUP_BYTES);
        Ok(())
    }

    /// Makes sure that the active segment has room, and returns how many frames of it are not synced.
    fn place_for(&mut self, bytes: u64) -> Result<u32, Error> {
        if !self.active.is_empty() && self.active.bytes() + bytes > self.config.segment_bytes {
            while self.retention.len() + 1 >= self.config.segments {
                self.clean();
                if self.retention.len() + 1 >= self.config.segments
                    && self.writer_queue.abandoned_in(FULL_CHECK)
                {
                    return Err(Error::Closed);
                }
            }
            self.rotate()?;
        }
        Ok(self.active.unsynced())
    }

    /// Ends the active segment and begins the next. If there is no space for that, nothing changes.
    pub(super) fn rotate(&mut self) -> Result<(), Error> {
        // The sync must not fail, not even on a full disk.
        self.active.sync().map_err(|error| self.failed(self.active.name(), &error))?;
        let next = match Segment::create(&*self.disk, &self.folder, self.next, self.config.id) {
            Ok(next) => next,
            Err(error) if is_full(&error) => return Err(Error::NoSpace { cause: cause(&error) }),
            Err(error) => return Err(self.failed("a new segment", &error)),
        };
        let full = std::mem::replace(&mut self.active, next);
        self.retention.keep(full.seal(self.next - 1));
        self.shared.count_segments(self.retention.len() + 1);
        Ok(())
    }

    pub(super) fn failed(&self, what: &str, error: &std::io::Error) -> Error {
        self.shared.poison(format!("writing {what}: {}", cause(error)).into())
    }

    fn pass_on(&mut self, barrier: QueuedBarrier) {
        let QueuedBarrier { answer, room } = barrier;
        match self.writer_queue.reserve() {
            Ok(place) => place.send(Message::Barrier(Barrier::new(Box::new(move |outcome| {
                // It keeps its share of the queue's bound until it is answered.
                drop(room);
                answer.give(outcome.map_err(Error::from));
            })))),
            Err(Stop::Abandoned | Stop::WriterGone) => answer.give(Err(Error::NotStored)),
        }
    }

    pub(super) fn clean(&mut self) {
        self.retention.clean();
        self.shared.count_segments(self.retention.len() + 1);
    }

    /// Leaves the journal in the right state for the next start: empty, if the store took everything in time.
    fn finish(&mut self, closed: bool) {
        // After a failed sync there is no other.
        if self.shared.poisoned().is_ok()
            && let Err(error) = self.active.sync()
        {
            self.shared.poison(format!("syncing {}: {}", self.active.name(), cause(&error)).into());
        }
        if closed && self.await_store() && self.shared.poisoned().is_ok() {
            let last = self.next - 1;
            if !self.active.is_empty()
                && self.retention.is_stored(last)
                && let Err(error) = self.rotate()
            {
                tracing::warn!(%error, "the journal could not be left empty; the next start reads it");
            }
        }
        self.clean();
        self.shared.set_empty(self.active.is_empty() && self.retention.len() == 0);
    }

    /// Waits until the store has everything; returns false if the time of the close is up, or the writer is gone. If
    /// the store was not given everything, it must not note that both are closed: it could then start without this
    /// journal.
    fn await_store(&mut self) -> bool {
        if self.skipped || !self.shared.replayed.load(Ordering::Acquire) {
            return false;
        }
        let (answer, answered) = oneshot::channel();
        let done = Box::new(move |outcome: Result<(), NotStored>| {
            // Sending fails if the close has timed out.
            let _ = answer.send(outcome.is_ok());
        });
        match self.writer_queue.reserve() {
            Ok(place) => place.send(Message::Barrier(Barrier::closing(done))),
            Err(Stop::Abandoned | Stop::WriterGone) => return false,
        }
        self.writer_queue.wait_for(answered)
    }
}
