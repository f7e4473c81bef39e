//! The journal's thread while the disk is full: refuses appends that can be submitted again, keeps those of running
//! executions, gives back reserved space, and checks for free space. Never ends the journal because of it.

use tokio::time::Instant;
use updraft_protocol::limits::JOURNAL_RESERVE_BYTES;

use super::append::{Command, Queued};
use super::thread::Worker;
use crate::log::Error;

/// The state of a full disk.
pub(super) struct Full {
    /// The bytes that found no space: when there is space for them, there is for everything.
    bytes: usize,
    /// The last check for space.
    looked: Instant,
}

impl Worker {
    /// Records that the disk has no space for so many bytes.
    pub(super) fn no_space(&mut self, bytes: usize, error: &Error) {
        if let Error::NoSpace { cause } = error {
            self.shared.space.lacks(cause);
            let bytes = bytes.max(self.full.as_ref().map_or(JOURNAL_RESERVE_BYTES, |full| full.bytes));
            self.full = Some(Full { bytes, looked: Instant::now() });
        }
    }

    /// Handles a window for which there is no space: revocable appends are refused, the others are kept and wait.
    /// Returns whether they are to be tried again.
    pub(super) fn wait_for_space(&mut self, window: &mut Vec<Queued>, error: &Error) -> bool {
        let revocable: Vec<Queued> = window.extract_if(.., |append| append.is_revocable()).collect();
        let smaller = !revocable.is_empty();
        refuse(revocable, error);
        self.refuse_queued(error);
        if window.is_empty() || smaller {
            return !window.is_empty();
        }
        if let Err(error) = self.active.give_back() {
            self.failed(self.active.name(), &error);
            return false;
        }
        if self.writer_queue.abandoned_in(self.config.full_check) {
            return false;
        }
        self.make_space();
        true
    }

    /// Checks for space at intervals, so that submissions are accepted again, whether or not an append waits.
    pub(super) fn look_for_space(&mut self) {
        let due = self.full.as_ref().filter(|full| full.looked.elapsed() >= self.config.full_check);
        let Some(bytes) = due.map(|full| full.bytes) else { return };
        self.make_space();
        if self.active.reserve_ahead(bytes) {
            self.full = None;
            self.shared.space.has_come();
        } else {
            self.full = Some(Full { bytes, looked: Instant::now() });
        }
    }

    /// Ends a segment of which the store has everything: it may use most of the disk.
    fn make_space(&mut self) {
        if self.shared.poisoned().is_ok()
            && !self.active.is_empty()
            && self.retention.is_stored(self.next - 1)
        {
            // If there is no space for a new segment either, this one stays in use.
            let _ = self.rotate();
        }
        self.clean();
    }

    /// Refuses revocable appends that were queued before the disk was found full; keeps the rest in order.
    fn refuse_queued(&mut self, error: &Error) {
        let queued: Vec<Command> = self.kept.drain(..).chain(self.commands.try_iter()).collect();
        for command in queued {
            match command {
                Command::Append(append) if append.is_revocable() => {
                    if append.take() {
                        refuse([append], error);
                    }
                }
                other => self.kept.push_back(other),
            }
        }
    }
}

fn refuse(appends: impl IntoIterator<Item = Queued>, error: &Error) {
    appends.into_iter().for_each(|append| append.done.give(Err(error.clone())));
}
