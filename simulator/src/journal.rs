//! The journal of one node: one write and one sync for all waiting appends, then the answers, then the groups to the
//! writer. Mirrors `storage/src/journal/thread.rs`, `storage/src/journal/segment.rs` and
//! `storage/src/journal/retention.rs`. A failed write or sync poisons it; the sync is never tried again.

use std::collections::VecDeque;

use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{ExecutionId, Update, codec};

use crate::chance::Purpose;
use crate::context::Context;
use crate::disk::{Broken, SimulatedFrame};
use crate::event::{Inner, NodeId, Ticket};
use crate::fault::Moment;
use crate::scenario::{MILLIS, Noise};
use crate::writer::{Asker, Handoff, WriterDriver};

/// Updates to be made durable together.
#[derive(Debug, Clone)]
pub struct SimulatedAppend {
    /// The updates.
    pub updates: Vec<Update>,
    /// The receiver of the result.
    pub who: Who,
}

/// The receiver of an append's result.
#[derive(Debug, Clone)]
pub enum Who {
    /// A new execution.
    Submission(ExecutionId),
    /// A shard, with its waiters.
    Shard(usize, Vec<Ticket>),
    /// A change of a queued execution, by its number.
    Claim(u64),
}

enum Command {
    Append(SimulatedAppend),
    Barrier(Asker),
    Close,
}

enum Stage {
    Idle,
    Writing(Vec<SimulatedAppend>, Vec<SimulatedFrame>),
    Syncing(Vec<SimulatedAppend>),
}

/// The state of a process's journal.
pub struct SimulatedJournal {
    node: NodeId,
    directory: usize,
    commands: VecDeque<Command>,
    stage: Stage,
    /// A message for which the writer has no room yet.
    outgoing: Option<Handoff>,
    /// The active segment.
    active: u64,
    /// Segments that wait for the store: first and last number.
    sealed: VecDeque<(u64, u64)>,
    next: u64,
    /// Everything below it is in the store.
    stored: DurableWatermark,
    /// Whether all recovered groups have been passed to the writer.
    pub replayed: bool,
    /// Whether it accepts no more appends because of an error.
    pub poisoned: bool,
    /// Whether it was asked to close.
    pub closing: bool,
    /// Whether it has closed.
    pub closed: bool,
}

impl SimulatedJournal {
    /// A journal that continues after a recovery.
    pub fn new(
        node: NodeId,
        directory: usize,
        sealed: VecDeque<(u64, u64)>,
        next: u64,
        stored: DurableWatermark,
    ) -> Self {
        Self {
            node,
            directory,
            commands: VecDeque::new(),
            stage: Stage::Idle,
            outgoing: None,
            active: next,
            replayed: sealed.is_empty(),
            sealed,
            next,
            stored,
            poisoned: false,
            closing: false,
            closed: false,
        }
    }

    /// Queues an append; returns false if no more are accepted.
    #[must_use]
    pub fn append(&mut self, append: SimulatedAppend) -> bool {
        let takes = !self.poisoned && self.replayed && !self.closing;
        if takes {
            self.commands.push_back(Command::Append(append));
        }
        takes
    }

    /// Queues a barrier; returns false if it will not be answered.
    #[must_use]
    pub fn barrier(&mut self, asker: Asker) -> bool {
        let takes = !self.poisoned && !self.closing;
        if takes {
            self.commands.push_back(Command::Barrier(asker));
        }
        takes
    }

    /// Closes it after its queue.
    pub fn close(&mut self) {
        self.closing = true;
        self.commands.push_back(Command::Close);
    }

    /// Does everything that can be done now; returns whether anything was.
    pub fn turn(&mut self, writer: &mut WriterDriver, cx: &mut Context) -> bool {
        if let Some(message) = self.outgoing.take() {
            self.outgoing = writer.send(message, cx).err();
            return self.outgoing.is_none();
        }
        if !matches!(self.stage, Stage::Idle) || self.closed {
            return false;
        }
        match self.commands.pop_front() {
            None => false,
            Some(Command::Barrier(asker)) => {
                self.outgoing = Some(Handoff::Barrier(asker));
                true
            }
            Some(Command::Close) => {
                self.outgoing = Some(Handoff::Barrier(Asker::Close));
                true
            }
            Some(append @ Command::Append(_)) => {
                self.commands.push_front(append);
                self.begin(cx)
            }
        }
    }

    /// Gathers the waiting appends into one write.
    fn begin(&mut self, cx: &mut Context) -> bool {
        if self.poisoned {
            let window = self.gather();
            self.refuse(window, cx);
            return true;
        }
        let full = cx.disks[self.directory]
            .segments
            .get(&self.active)
            .map_or(0, |frames| frames.iter().map(SimulatedFrame::bytes).sum::<usize>());
        if full >= cx.sizes.segment {
            if self.sealed.len() + 1 >= cx.sizes.segments {
                self.clean(cx);
            }
            if self.sealed.len() + 1 >= cx.sizes.segments {
                return false;
            }
            if self.rotate(cx).is_err() {
                self.poisoned = true;
                return true;
            }
        }
        let window = self.gather();
        let mut frames = Vec::with_capacity(window.len());
        for (append, place) in window.iter().zip(0_u32..) {
            let mut payload = Vec::new();
            if let Err(error) = codec::encode_into(&append.updates, &mut payload) {
                cx.violated("journal", format!("updates that cannot be encoded: {error}"));
            }
            let lsn = self.next + u64::from(place);
            frames.push(SimulatedFrame { lsn, place, payload: payload.into(), whole: true, synced: false });
        }
        let wait = cx.pace(if cx.noisy(Noise::SlowDisk) { 40 } else { 1 } * MILLIS);
        self.stage = Stage::Writing(window, frames);
        cx.after(wait, self.node, Inner::Written);
        true
    }

    fn gather(&mut self) -> Vec<SimulatedAppend> {
        let mut window = Vec::new();
        while let Some(Command::Append(_)) = self.commands.front()
            && window.len() < 8
            && let Some(Command::Append(append)) = self.commands.pop_front()
        {
            window.push(append);
        }
        window
    }

    /// The write is done: starts the sync.
    pub fn written(&mut self, cx: &mut Context) {
        let Stage::Writing(window, frames) = std::mem::replace(&mut self.stage, Stage::Idle) else { return };
        let mut dice = cx.dice(Purpose::Disk, &[self.node, self.next]);
        if let Err(error) = cx.disks[self.directory].append(self.node, self.active, frames, &mut dice) {
            return self.fail(error, window, cx);
        }
        cx.moment(Moment::Written);
        self.stage = Stage::Syncing(window);
        let wait = cx.pace(if cx.noisy(Noise::SlowDisk) { 90 } else { 3 } * MILLIS);
        cx.after(wait, self.node, Inner::Synced);
    }

    /// The sync is done: answers, and passes the groups on.
    pub fn synced(&mut self, cx: &mut Context) {
        let Stage::Syncing(window) = std::mem::replace(&mut self.stage, Stage::Idle) else { return };
        if let Err(error) = cx.disks[self.directory].sync(self.node, self.active) {
            return self.fail(error, window, cx);
        }
        cx.moment(Moment::Synced);
        let mut groups = Vec::with_capacity(window.len());
        for append in window {
            let lsn = self.next;
            self.next += 1;
            cx.oracle.durable(&append.updates);
            self.answer(append.who, Some(lsn), cx);
            groups.push((lsn, append.updates));
        }
        self.outgoing = Some(Handoff::Groups(groups));
    }

    fn answer(&self, who: Who, lsn: Option<u64>, cx: &mut Context) {
        let wait = cx.pace(300);
        match (who, lsn) {
            (Who::Submission(peid), lsn) => cx.after(wait, self.node, Inner::Accepted(peid, lsn)),
            (Who::Shard(shard, tickets), Some(lsn)) => {
                cx.after(wait, self.node, Inner::Told(shard, tickets, lsn));
            }
            (Who::Claim(number), Some(lsn)) => cx.after(wait, self.node, Inner::ClaimTold(number, lsn)),
            // The node fails as a whole.
            (Who::Shard(..) | Who::Claim(_), None) => {}
        }
    }

    fn fail(&mut self, error: Broken, window: Vec<SimulatedAppend>, cx: &mut Context) {
        cx.note(format_args!("n{} journal poisoned: {error:?}", self.node));
        self.poisoned = true;
        self.refuse(window, cx);
    }

    fn refuse(&mut self, window: Vec<SimulatedAppend>, cx: &mut Context) {
        for append in window {
            self.answer(append.who, None, cx);
        }
    }

    fn rotate(&mut self, cx: &mut Context) -> Result<(), Broken> {
        let disk = &mut cx.disks[self.directory];
        disk.sync(self.node, self.active)?;
        disk.create(self.node, self.next)?;
        self.sealed.push_back((self.active, self.next - 1));
        self.active = self.next;
        Ok(())
    }

    fn is_stored(&self, lsn: u64) -> bool {
        self.replayed && lsn < self.stored.get()
    }

    /// Deletes the segments that the store has.
    pub fn clean(&mut self, cx: &mut Context) {
        while let Some((first, last)) = self.sealed.front().copied()
            && self.is_stored(last)
        {
            let frames = cx.disks[self.directory].segments.get(&first).cloned().unwrap_or_default();
            if cx.disks[self.directory].remove(self.node, first).is_err() {
                return;
            }
            self.sealed.pop_front();
            cx.moment(Moment::Deleted);
            cx.statistics.count("journal segments deleted");
            let gone = cx.oracle.may_forget(&frames, &cx.store);
            cx.check(gone);
        }
    }

    /// The store has everything, or has timed out: leaves the journal in the right state for the next start.
    pub fn finish(&mut self, stored: bool, cx: &mut Context) {
        if stored && !self.poisoned && self.active < self.next && self.is_stored(self.next - 1) {
            // If it fails, the next start reads it.
            let _ = self.rotate(cx);
        }
        self.clean(cx);
        self.closed = true;
    }

    /// The process dies: a write under way is cut short.
    pub fn die(&mut self, cx: &mut Context) {
        if let Stage::Writing(_, frames) = std::mem::replace(&mut self.stage, Stage::Idle)
            && cx.disks[self.directory].owner == self.node
        {
            let mut dice = cx.dice(Purpose::Disk, &[self.node, self.next, 1]);
            cx.disks[self.directory].tear(self.active, frames, &mut dice);
        }
    }

    /// Segments that wait for the store.
    pub fn waiting(&self) -> usize {
        self.sealed.len()
    }
}
