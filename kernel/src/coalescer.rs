//! The coalescer: updates that wait for the store, the newest of each document. Owns what is written next and
//! what the store has; never writes, never waits, and drops nothing.

mod debounce;
mod low_watermark;
mod ready;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::Update;
#[cfg(doc)]
use updraft_protocol::limits::DEBOUNCE_ROUNDS;

use debounce::Debounce;
use low_watermark::LowWatermark;
use ready::Ready;
use slots::{Part, Slots};

/// Where the producer must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Documents that wait or are in flight.
    pub documents: usize,
    /// Bytes of their updates.
    pub bytes: usize,
}

/// Which batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(u64);

/// Updates for one write of the store, each of another document, those first that have been ready for longest.
#[derive(Debug)]
#[must_use = "its documents stay in flight until the batch is settled"]
pub struct Batch {
    /// What to settle it by.
    pub id: BatchId,
    /// What to write.
    pub updates: Vec<Update>,
    /// How many of them were deferred before.
    pub deferred: usize,
}

/// What became of one update of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The store has it, or something newer, or will never take it: it is out of our hands.
    Done,
    /// Nobody knows: it is written again, under what came meanwhile.
    Retry,
    /// The store will not have it now: as [`Settled::Retry`], but not before it is
    /// [tried again](Coalescer::retry_deferred).
    Defer,
}

/// An update that is being written, kept in case it must be written again.
struct Flying {
    slot: usize,
    part: Part,
}

/// Updates on their way to the store.
///
/// A document has at most one update that waits and one in flight, and is either debounced, ready, in flight or deferred.
/// Each update keeps the journal from the oldest position that it carries, so the low watermark counts as many positions as
/// there are documents, not groups. A new document that has not ended is debounced: it will soon be overtaken, and a write is
/// saved where it is left for some rounds.
pub struct Coalescer {
    limits: Limits,
    slots: Slots,
    ready: Ready,
    debounce: Debounce,
    /// Slots that are deferred, by the oldest journal position that they carry.
    deferred: BTreeSet<(u64, usize)>,
    low_watermark: LowWatermark,
    /// By number; one for each write that runs.
    flights: BTreeMap<u64, Vec<Flying>>,
    in_flight: usize,
    bytes: usize,
    /// Of these, the bytes of what is ready.
    ready_bytes: usize,
    batches: u64,
    /// The position of the last group.
    newest: u64,
}

impl Coalescer {
    /// An empty coalescer.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: Slots::default(),
            ready: Ready::default(),
            debounce: Debounce::default(),
            deferred: BTreeSet::new(),
            low_watermark: LowWatermark::default(),
            flights: BTreeMap::new(),
            in_flight: 0,
            bytes: 0,
            ready_bytes: 0,
            batches: 0,
            newest: 0,
        }
    }

    /// Takes the updates of one journal frame. Frames come in the order of their `lsn`. Of each document
    /// the newest update wins, field by field.
    ///
    /// Nothing is refused: who offers asks [`has_room_for`](Self::has_room_for) first.
    pub fn offer(&mut self, lsn: u64, updates: Vec<Update>) {
        let mut pinned = 0;
        self.newest = lsn;
        for update in updates {
            let (at, new) = self.slots.of(update.document());
            let waiting = self.slots.waiting(at);
            if let Some(part) = waiting {
                self.bytes -= part.bytes;
                self.ready_bytes -= part.ready_bytes();
                part.lay_over(update);
                self.bytes += part.bytes;
                self.ready_bytes += part.ready_bytes();
                if part.debounced && part.update.ended() {
                    self.end_debounce(at);
                }
                continue;
            }
            let debounced = new && !update.ended();
            let part = Part { ready: new && !debounced, debounced, ..Part::new(lsn, update) };
            self.bytes += part.bytes;
            self.ready_bytes += part.ready_bytes();
            *waiting = Some(part);
            pinned += 1;
            if debounced {
                self.debounce.push(lsn, at);
            } else if new {
                self.ready.push(lsn, at);
            }
        }
        self.low_watermark.offered(lsn, pinned);
        let slots = &self.slots;
        self.debounce.compact(|lsn, at| slots.is_debounced(lsn, at));
    }

    /// Ends a round: what has been left for [`DEBOUNCE_ROUNDS`] whole ones may be written as it is.
    pub fn end_round(&mut self) {
        while let Some((lsn, at)) = self.debounce.pop() {
            if self.slots.is_debounced(lsn, at) {
                self.end_debounce(at);
            }
        }
        self.debounce.begin();
    }

    /// What came until this position may be written, whether it goes on or not.
    pub fn end_debounce_until(&mut self, until: u64) {
        while let Some((lsn, at)) = self.debounce.pop_until(until) {
            if self.slots.is_debounced(lsn, at) {
                self.end_debounce(at);
            }
        }
    }

    /// A debounced slot may be written: behind what was ready before it.
    fn end_debounce(&mut self, at: usize) {
        let Some(part) = self.slots.waiting(at) else { return };
        part.debounced = false;
        part.ready = true;
        self.ready_bytes += part.bytes;
        self.ready.push(self.newest, at);
        self.debounce.ended();
    }

    /// Whether the producer may offer this group: with it, neither limit is passed. An empty coalescer has room
    /// for any, or the producer would wait for ever.
    pub fn has_room_for(&self, updates: &[Update]) -> bool {
        let bytes: usize = updates.iter().map(Update::bytes).sum();
        let documents = self.documents().saturating_add(updates.len());
        let within =
            documents <= self.limits.documents && self.bytes.saturating_add(bytes) <= self.limits.bytes;
        within || self.is_empty()
    }

    /// The next batch: the documents that are ready for longest and not in flight, up to both limits. An update
    /// larger than `max_bytes` goes alone. None where nothing is ready.
    pub fn take(&mut self, max_operations: usize, max_bytes: usize) -> Option<Batch> {
        let most = max_operations.min(self.ready.len());
        let (mut flying, mut updates) = (Vec::with_capacity(most), Vec::with_capacity(most));
        let (mut bytes, mut deferred) = (0_usize, 0);
        while updates.len() < max_operations {
            let Some(at) = self.ready.peek() else { break };
            let fits = |part: &mut Part| updates.is_empty() || bytes.saturating_add(part.bytes) <= max_bytes;
            let Some(mut part) = self.slots.waiting(at).take_if(fits) else { break };
            self.ready.pop();
            self.ready_bytes -= part.ready_bytes();
            part.ready = false;
            bytes = bytes.saturating_add(part.bytes);
            deferred += usize::from(part.deferred);
            updates.push(part.update.clone());
            flying.push(Flying { slot: at, part });
        }
        if updates.is_empty() {
            return None;
        }
        let id = BatchId(self.batches);
        self.batches += 1;
        self.in_flight += flying.len();
        self.flights.insert(id.0, flying);
        Some(Batch { id, updates, deferred })
    }

    /// Ends a batch: one outcome for each of its updates, in their order. An outcome that is missing counts as
    /// [`Settled::Retry`], which is always safe; a batch that was settled before changes nothing.
    pub fn settle(&mut self, batch: BatchId, outcomes: Vec<Settled>) {
        let Some(flying) = self.flights.remove(&batch.0) else { return };
        self.in_flight -= flying.len();
        let outcomes = outcomes.into_iter().chain(std::iter::repeat(Settled::Retry));
        for (Flying { slot: at, part }, outcome) in flying.into_iter().zip(outcomes) {
            match outcome {
                Settled::Done => self.done(at, &part),
                Settled::Retry => {
                    self.put_back(at, part);
                    self.make_ready(at);
                }
                Settled::Defer => {
                    let lsn = self.put_back(at, Part { deferred: true, ..part });
                    self.deferred.insert((lsn, at));
                }
            }
        }
        self.low_watermark.flush();
    }

    fn done(&mut self, at: usize, part: &Part) {
        self.bytes -= part.bytes;
        self.low_watermark.release(part.lsn);
        match self.slots.waiting(at) {
            Some(_) => self.make_ready(at),
            None => self.slots.remove(at),
        }
    }

    /// Has an update wait again, under what came meanwhile; gives its oldest position.
    fn put_back(&mut self, at: usize, mut part: Part) -> u64 {
        let waiting = self.slots.waiting(at);
        if let Some(newer) = waiting.take() {
            self.bytes -= part.bytes + newer.bytes;
            self.low_watermark.release(newer.lsn);
            part.lay_over(newer.update);
            self.bytes += part.bytes;
        }
        let lsn = part.lsn;
        *waiting = Some(part);
        lsn
    }

    /// Makes the oldest of the documents that are deferred ready again, `most` of them.
    pub fn retry_deferred(&mut self, most: usize) {
        for _ in 0..most {
            let Some((_, at)) = self.deferred.pop_first() else { return };
            self.make_ready(at);
        }
    }

    /// What waits in a slot may be written.
    fn make_ready(&mut self, at: usize) {
        let Some(part) = self.slots.waiting(at) else { return };
        part.ready = true;
        self.ready_bytes += part.bytes;
        self.ready.push_back(part.lsn, at);
    }

    /// Documents that are deferred.
    pub fn deferred(&self) -> usize {
        self.deferred.len()
    }

    /// Every update that was offered with a smaller `lsn` is out of our hands.
    pub fn stored_below(&self) -> u64 {
        self.low_watermark.below()
    }

    /// Documents that wait or are in flight.
    pub fn documents(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the updates that wait or are in flight.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Documents that are debounced.
    pub fn debounced(&self) -> usize {
        self.debounce.len()
    }

    /// Documents that could be written now.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Bytes of their updates: without what is deferred, in flight, or waits for its document to land.
    pub fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// Documents in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether nothing waits and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }
}
