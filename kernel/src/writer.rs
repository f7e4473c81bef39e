//! The writer: takes updates from the journal and has them written to the store in batches. Owns when a batch is sent
//! and how large it is, the result of each update, the barriers that wait until everything is stored, and the notes in
//! the store of how far it has come. Never writes, waits or reads a clock: [`Writer::on`] takes an event and the time,
//! and returns [`Command`]s that the driver carries out in order.
//!
//! A batch is a [`Delivery`]: the driver makes the store calls that it asks for, one after the other, and hands it
//! back. Several may be under way at once.

mod backoff;
mod command;
mod config;
mod deferred;
mod delivery;
mod notes;
mod refusals;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::Update;

use crate::batch_limit::{BatchLimit, BatchLimiter};
use crate::coalescer::Coalescer;

pub use command::{Command, Ended, Input, Notice, OutOfTime, Warning};
pub use config::WriterConfig;
pub use delivery::{Delivery, StoreCall, StoreFault, WriteOutcome};

use backoff::Backoff;
use deferred::Deferred;
use notes::Notes;
use refusals::Refusals;

/// The updates of one append to the journal. `room` is its share of the bound of the journal's queue, dropped when the
/// writer takes the group in.
pub struct Group<R> {
    /// The append's number in the journal.
    pub lsn: u64,
    /// Its updates.
    pub updates: Vec<Update>,
    /// Its share of the bound.
    pub room: R,
}

impl<R: Default> Group<R> {
    /// A group outside of any bound.
    pub fn new(lsn: u64, updates: Vec<Update>) -> Self {
        Self { lsn, updates, room: R::default() }
    }
}

/// The writer. `B` is what the driver answers a barrier with, `R` what a group holds until it is taken in.
pub struct Writer<B, R> {
    config: WriterConfig,
    coalescer: Coalescer,
    limiter: BatchLimiter,
    notes: Notes<B>,
    /// Groups of a message for which there was no room yet.
    backlog: VecDeque<Group<R>>,
    /// Barriers, each with the number of the last group before it; bounded by the journal's queue.
    barriers: VecDeque<(u64, Barrier<B>)>,
    /// The number of the last group taken in.
    last: u64,
    /// The number below which the store has everything, as last reported to the driver.
    stored_below: u64,
    /// Deliveries that are under way.
    in_flight: usize,
    /// When the round ends and the waiting updates must be sent.
    due: Option<Duration>,
    /// A round has ended, and not all of its updates are under way.
    overdue: bool,
    backoff: Backoff,
    /// The store gets no batch before this time.
    pause: Option<Duration>,
    /// The last error of the store, while it does not take batches.
    failing: Option<Arc<str>>,
    deferred: Deferred,
    refusals: Refusals,
    /// Whether there will be no more input.
    closed: bool,
    /// When the writer gives up; set once there is no more input.
    deadline: Option<Duration>,
    totals: Totals,
    commands: Vec<Command<B>>,
}

/// A barrier, and whether it is the last input: then the store is to note the close before the answer.
struct Barrier<B> {
    token: B,
    closing: bool,
}

/// The figures of the writer: its content now, and counts since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterFigures {
    /// Documents that wait or are under way.
    pub documents: usize,
    /// Bytes of their updates.
    pub bytes: usize,
    /// How many of these documents are deferred, since the store refused them for the moment.
    pub deferred: usize,
    /// The most operations in the next batch.
    pub operations: usize,
    /// Batches under way.
    pub in_flight: usize,
    /// The most batches that may be under way at once.
    pub in_flight_most: usize,
    /// The counts.
    pub totals: Totals,
}

/// Counts since the writer began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Updates that were taken in.
    pub offered: usize,
    /// Updates that have left the writer.
    pub done: usize,
    /// Updates that were replaced by a newer one of the same document.
    pub overtaken: usize,
    /// Batches.
    pub batches: usize,
    /// Batches with at least one update to be written again.
    pub retried: usize,
    /// Updates that the store wrote.
    pub written: usize,
    /// Updates that the store will never take.
    pub poison: usize,
    /// Dead letters that the store keeps.
    pub letters_kept: usize,
    /// Dead letters that the store refuses as well.
    pub letters_lost: usize,
}

impl<B, R> Writer<B, R> {
    /// A writer at its start. `limit` is the batch limit that suits the store, for a configuration without one; `noted`
    /// is the number below which the store has noted that it has everything, if it keeps notes.
    pub fn new(config: WriterConfig, limit: BatchLimit, noted: Option<u64>) -> Self {
        let backoff = |seed| Backoff::new(config.backoff, config.backoff_max, seed);
        Self {
            coalescer: Coalescer::new(config.limits),
            limiter: BatchLimiter::new(config.batch_limit.unwrap_or(limit)),
            notes: Notes::new(noted),
            backlog: VecDeque::new(),
            barriers: VecDeque::new(),
            last: 0,
            stored_below: 0,
            in_flight: 0,
            due: None,
            overdue: false,
            backoff: backoff(config.seed),
            pause: None,
            failing: None,
            deferred: Deferred::new(backoff(!config.seed)),
            refusals: Refusals::default(),
            closed: false,
            deadline: None,
            totals: Totals::default(),
            commands: Vec::new(),
            config,
        }
    }

    /// Applies an event, and returns the commands in order. `now` is the time since any fixed instant; it never falls.
    pub fn on(&mut self, input: Input<B, R>, now: Duration) -> Vec<Command<B>> {
        match input {
            Input::Groups(groups) => self.backlog.extend(groups),
            Input::Barrier { token, closing } => {
                self.barriers.push_back((self.last, Barrier { token, closing }));
            }
            Input::Closed => {
                self.closed = true;
                self.deadline = now.checked_add(self.config.drain);
            }
            Input::Delivered(delivery) => self.settle(*delivery, now),
            Input::Noted(answer) => self.noted(answer),
            Input::Woken => {}
        }
        self.take_in();
        self.answer_barriers();
        self.launch(now);
        let below = self.coalescer.stored_below();
        self.commands.extend(self.notes.write(below, now));
        if self.closed && self.coalescer.is_empty() && self.backlog.is_empty() && self.notes.is_done() {
            self.commands.push(Command::End(Ended::Stored));
        } else if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.give_up();
        }
        std::mem::take(&mut self.commands)
    }

    /// Whether the driver may pass on the next message of the journal: not before all groups of the last one were taken
    /// in.
    pub fn receives(&self) -> bool {
        !self.closed && self.backlog.is_empty()
    }

    /// When the driver must call again, if no event does so earlier.
    pub fn wakes_at(&self) -> Option<Duration> {
        // Rounds end while batches are under way, but not while the store is left alone.
        let due = self.due.filter(|_| self.pause.is_none());
        let note = self.notes.due(self.coalescer.stored_below());
        [due, self.pause, self.deferred.until(), self.deadline, note].into_iter().flatten().min()
    }

    /// The last error of the store, while it does not take batches.
    pub fn failing(&self) -> Option<&Arc<str>> {
        self.failing.as_ref()
    }

    /// The number of the last group taken in.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The figures now.
    pub fn figures(&self) -> WriterFigures {
        let (documents, in_flight) = (self.coalescer.documents(), self.coalescer.in_flight());
        // A document holds at most one update that waits and one under way; any other was replaced.
        let held = self.totals.done + documents + in_flight;
        WriterFigures {
            documents,
            bytes: self.coalescer.bytes(),
            deferred: self.coalescer.deferred(),
            operations: self.limiter.operations(),
            in_flight: self.in_flight,
            in_flight_most: self.limiter.batches(),
            totals: Totals { overtaken: self.totals.offered.saturating_sub(held), ..self.totals },
        }
    }

    /// Takes groups in while there is room.
    fn take_in(&mut self) {
        while self.backlog.front().is_some_and(|group| self.coalescer.has_room_for(&group.updates))
            && let Some(mut group) = self.backlog.pop_front()
        {
            group.updates.iter_mut().for_each(|update| self.config.positions.write(group.lsn, update));
            self.last = group.lsn;
            self.totals.offered += group.updates.len();
            self.coalescer.offer(group.lsn, group.updates);
        }
        self.advance();
    }

    /// Sends what is due, in as many batches as may be under way.
    fn launch(&mut self, now: Duration) {
        self.pause = self.pause.filter(|&until| until > now);
        if self.deferred.is_due(now) {
            self.coalescer.retry_deferred(self.limiter.operations());
        }
        if self.due.take_if(|due| *due <= now).is_some() {
            self.coalescer.end_round();
            self.overdue = true;
        }
        if let Some(until) = self.awaited() {
            self.coalescer.end_debounce_until(until);
        }
        while self.may_launch() && self.must_launch() {
            let Some(batch) = self.coalescer.take(self.limiter.operations(), self.config.bytes) else {
                break;
            };
            self.totals.batches += 1;
            self.in_flight += 1;
            let sent = self.limiter.sent(batch.updates.len(), self.in_flight);
            let refused_too_often = self.refusals.refused_too_often(&batch.updates);
            self.commands.push(Command::Deliver(Box::new(Delivery::new(
                batch,
                sent,
                refused_too_often,
                now,
            ))));
        }
        self.overdue &= self.coalescer.ready() > 0;
        // An overdue round waits for a batch to return, not for another round.
        let waits = self.coalescer.debounced() > 0 || (self.coalescer.ready() > 0 && !self.overdue);
        self.due = self.due.or_else(|| now.checked_add(self.config.delay)).filter(|_| waits);
    }

    fn may_launch(&self) -> bool {
        self.in_flight < self.limiter.batches() && self.pause.is_none()
    }

    /// The last group for which a caller waits: for a barrier, or for room.
    fn awaited(&self) -> Option<u64> {
        let all = self.closed || !self.backlog.is_empty();
        let asked = self.barriers.back().map(|(last, _)| *last);
        if all { Some(u64::MAX) } else { asked }
    }

    /// Whether there is enough for a batch, or its time is up.
    fn must_launch(&self) -> bool {
        let full = self.coalescer.ready() >= self.limiter.operations()
            || self.coalescer.ready_bytes() >= self.config.bytes;
        full || self.overdue || self.awaited().is_some()
    }

    /// Reports how far the store has come, if that has changed.
    fn advance(&mut self) {
        let below = self.coalescer.stored_below();
        if below > self.stored_below {
            self.stored_below = below;
            self.commands.push(Command::Stored { below });
        }
    }

    fn answer_barriers(&mut self) {
        let below = self.coalescer.stored_below();
        let all = self.coalescer.is_empty();
        while self.barriers.front().is_some_and(|(last, _)| all || *last < below)
            && let Some((_, barrier)) = self.barriers.pop_front()
        {
            if barrier.closing && self.notes.are_kept() {
                self.notes.close(barrier.token);
            } else {
                self.commands.push(Command::Answer(barrier.token, Ok(())));
            }
        }
    }

    /// Handles the result of a note.
    fn noted(&mut self, answer: Result<(), String>) {
        let result = self.notes.answered(answer);
        self.commands.extend(result.below.map(|below| Command::Noted { below }));
        self.commands.extend(result.closed.map(|token| Command::Answer(token, Ok(()))));
        self.commands.extend(result.warning.map(Command::Warn));
    }

    fn give_up(&mut self) {
        let documents = self.coalescer.documents();
        let waiting = self.barriers.drain(..).map(|(_, barrier)| barrier.token).chain(self.notes.give_up());
        self.commands.extend(waiting.map(|token| Command::Answer(token, Err(OutOfTime))));
        self.commands.push(Command::End(Ended::GaveUp { documents }));
    }
}
