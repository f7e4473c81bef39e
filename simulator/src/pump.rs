//! The pump of one node: takes groups in, sends batches off and settles them. Mirrors
//! `storage/src/write_behind/pump.rs`, `storage/src/write_behind/held.rs`, `storage/src/write_behind/batch.rs` (but
//! for the splitting of a batch that is refused whole) and `storage/src/write_behind/backoff.rs`. What is written
//! next is the coalescer's, and how much of it the pacer's; both are those that ship.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use updraft_kernel::coalescer::{Batch, BatchId, Coalescer, Limits, Settled};
use updraft_kernel::pace::{Answer, Pacer, Sent};
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{DocumentId, ExecutionId, Revision, Update};

use crate::chance::Purpose;
use crate::context::Context;
use crate::event::{Event, Inner, Life, NodeId, Reply, Request};
use crate::fault::Moment;
use crate::scenario::{MILLIS, Noise, Sizes};
use crate::store::Outcome;

/// How long a batch may take before nobody knows what became of it.
const TIMEOUT: u64 = 60_000 * MILLIS;
/// The longest pause after a failure.
const PAUSE: u64 = 10_000 * MILLIS;
/// Bytes of a batch, small so that it is met.
const BATCH_BYTES: usize = 4_000;

/// Who waits until the store has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The start of the node.
    Start,
    /// Whoever reads an execution back.
    Read(ExecutionId, Life),
    /// The journal, which closes.
    Close,
}

/// What the pump is told.
pub enum Message {
    /// Groups with rising numbers.
    Groups(Vec<(u64, Vec<Update>)>),
    /// To be answered when everything before it is in the store.
    Barrier(Asker),
}

/// A batch on its way.
struct Flight {
    batch: BatchId,
    updates: Vec<Update>,
    /// How many of them were held back before.
    held: usize,
    sent: Sent,
    began: u64,
}

/// The pump of a process.
pub struct Pump {
    node: NodeId,
    queue: VecDeque<Message>,
    backlog: VecDeque<(u64, Vec<Update>)>,
    barriers: VecDeque<(u64, Asker)>,
    coalescer: Coalescer,
    stored: DurableWatermark,
    pacer: Pacer,
    flights: BTreeMap<u64, Flight>,
    requests: u64,
    last: u64,
    due: Option<u64>,
    overdue: bool,
    pause: Option<u64>,
    failures: u32,
    /// When the next of what is held back are tried; none while some are.
    held_until: Option<u64>,
    refusals: u32,
    woken: u64,
    /// What each group has for the store that the watermark does not cover.
    open: BTreeMap<u64, Vec<(DocumentId, Revision)>>,
    /// Nothing more comes.
    pub closed: bool,
    /// The answered.
    pub answered: Vec<Asker>,
    /// Executions of which the store will never take an update.
    pub refused: Vec<ExecutionId>,
}

impl Pump {
    /// An empty pump.
    pub fn new(node: NodeId, stored: DurableWatermark, sizes: Sizes) -> Self {
        Self {
            node,
            queue: VecDeque::new(),
            backlog: VecDeque::new(),
            barriers: VecDeque::new(),
            coalescer: Coalescer::new(Limits { documents: sizes.documents, bytes: sizes.bytes }),
            stored,
            pacer: Pacer::new(sizes.pace),
            flights: BTreeMap::new(),
            requests: 0,
            last: 0,
            due: None,
            overdue: false,
            pause: None,
            failures: 0,
            held_until: None,
            refusals: 0,
            woken: u64::MAX,
            open: BTreeMap::new(),
            closed: false,
            answered: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Queues a message.
    ///
    /// # Errors
    /// The message, where there is no place.
    pub fn send(&mut self, message: Message, cx: &mut Context) -> Result<(), Message> {
        if self.queue.len() >= cx.sizes.queue {
            cx.statistics.count("waits for the writer");
            return Err(message);
        }
        self.queue.push_back(message);
        Ok(())
    }

    /// Does what can be done at once; true where it did something.
    pub fn turn(&mut self, cx: &mut Context) -> bool {
        let mut done = self.take_in(cx);
        done |= self.answer_barriers();
        done |= self.launch(cx);
        if self.backlog.is_empty()
            && let Some(message) = self.queue.pop_front()
        {
            match message {
                Message::Groups(groups) => self.backlog = groups.into(),
                Message::Barrier(asker) => self.barriers.push_back((self.last, asker)),
            }
            return true;
        }
        self.wake(cx);
        done
    }

    fn take_in(&mut self, cx: &mut Context) -> bool {
        let mut took = false;
        while self.backlog.front().is_some_and(|(_, updates)| self.coalescer.has_room_for(updates))
            && let Some((lsn, updates)) = self.backlog.pop_front()
        {
            took = true;
            self.last = lsn;
            self.open
                .insert(lsn, updates.iter().map(|update| (update.document(), update.revision())).collect());
            let empty = self.coalescer.is_empty();
            self.coalescer.offer(lsn, updates);
            let (documents, bytes) = (self.coalescer.documents(), self.coalescer.bytes());
            if !empty && (documents > cx.sizes.documents || bytes > cx.sizes.bytes) {
                cx.violated("nothing unbounded", format!("{documents} documents of {bytes} bytes wait"));
            }
            self.advance(cx);
        }
        took
    }

    fn launch(&mut self, cx: &mut Context) -> bool {
        let now = cx.now;
        self.pause = self.pause.filter(|until| *until > now);
        if self.held_until.take_if(|until| *until <= now).is_some() {
            self.coalescer.release(self.pacer.operations());
        }
        if self.due.take_if(|due| *due <= now).is_some() {
            self.coalescer.ripen();
            self.overdue = true;
        }
        if let Some(until) = self.awaited() {
            self.coalescer.ripen_until(until);
        }
        let mut launched = false;
        while self.may_launch() && self.must_launch() {
            let Some(batch) = self.coalescer.take(self.pacer.operations(), BATCH_BYTES) else { break };
            launched = true;
            self.fly(batch, cx);
        }
        self.overdue &= self.coalescer.ready() > 0;
        let waits = self.coalescer.unripe() > 0 || (self.coalescer.ready() > 0 && !self.overdue);
        self.due = waits.then(|| self.due.unwrap_or(now + cx.sizes.delay));
        launched
    }

    fn may_launch(&self) -> bool {
        self.flights.len() < self.pacer.batches() && self.pause.is_none()
    }

    fn awaited(&self) -> Option<u64> {
        let all = self.closed || !self.backlog.is_empty();
        let asked = self.barriers.back().map(|(last, _)| *last);
        if all { Some(u64::MAX) } else { asked }
    }

    fn must_launch(&self) -> bool {
        let full = self.coalescer.ready() >= self.pacer.operations();
        full || self.overdue || self.awaited().is_some()
    }

    /// Sends a batch on its way, which is decided here.
    fn fly(&mut self, Batch { id, updates, held }: Batch, cx: &mut Context) {
        self.requests += 1;
        let number = self.requests;
        let mut documents: Vec<DocumentId> = updates.iter().map(Update::document).collect();
        documents
            .extend(self.flights.values().flat_map(|flight| flight.updates.iter().map(Update::document)));
        documents.sort_unstable();
        if documents.windows(2).any(|pair| pair[0] == pair[1]) {
            cx.violated("one batch in flight", format!("n{} writes a document twice at once", self.node));
        }
        let mut dice = cx.dice(Purpose::Store, &[self.node, number]);
        let late = cx.noisy(Noise::StoreLate);
        let slow = if late && dice.one_in(6) { 150_000 } else { 8 } * MILLIS;
        let arrives = dice.below(slow);
        let far = if late && dice.one_in(6) { 90_000 } else { 8 } * MILLIS;
        let back = dice.below(far);
        let fate = dice.below(12);
        let answer = match fate {
            0 if cx.noisy(Noise::StoreForgets) => Reply::Never,
            1 if cx.noisy(Noise::StoreForgets) => Reply::Broken(back),
            _ => Reply::After(back),
        };
        let request = Request { node: self.node, number, updates: updates.clone(), answer };
        if late && dice.one_in(8) {
            cx.statistics.count("store requests that arrive twice");
            let again = cx.now + arrives + dice.below(200_000 * MILLIS);
            cx.queue.at(again, Event::Arrive(Request { answer: Reply::Never, ..request.clone() }));
        }
        if fate == 2 && cx.noisy(Noise::StoreForgets) {
            cx.statistics.count("store requests that are lost");
        } else {
            cx.queue.at(cx.now + arrives, Event::Arrive(request));
        }
        cx.after(TIMEOUT, self.node, Inner::Landed(number, Err("no answer in time")));
        let sent = self.pacer.sent(updates.len(), self.flights.len() + 1);
        self.flights.insert(number, Flight { batch: id, updates, held, sent, began: cx.now });
    }

    /// A batch has an answer, or none in time.
    pub fn land(&mut self, number: u64, answer: Result<Vec<Outcome>, &'static str>, cx: &mut Context) {
        let Some(Flight { batch, updates, held, sent, began }) = self.flights.remove(&number) else { return };
        let trouble = answer.is_err();
        let outcomes = answer.unwrap_or_default();
        let mut settled = Vec::with_capacity(updates.len());
        for (update, outcome) in updates.iter().zip(&outcomes) {
            settled.push(match outcome {
                Outcome::Written | Outcome::Stale | Outcome::Poison => Settled::Done,
                Outcome::Retry => Settled::Hold,
            });
            if *outcome == Outcome::Poison {
                cx.moment(Moment::Poisoned);
                cx.statistics.count("updates that the store never takes");
                self.refused.push(match update {
                    Update::Execution(update) => update.peid,
                    Update::Task(update) => update.peid,
                });
            }
        }
        let refused = outcomes.iter().filter(|outcome| **outcome == Outcome::Retry).count();
        let done = outcomes.len() - refused;
        // Of a batch without an answer no outcome is known: each counts as to be sent again.
        self.coalescer.settle(batch, settled);
        self.advance(cx);
        let took = Duration::from_micros(cx.now - began);
        self.pacer.landed(sent, if trouble || refused > 0 { Answer::Pushback } else { Answer::Taken(took) });
        self.wait_for_held(held > 0 && refused == 0 && done > 0, cx);
        if trouble || (done == 0 && refused > held) {
            self.pause = Some(cx.now + backoff(&mut self.failures, cx));
            cx.statistics.count("batches sent again");
        } else if done > 0 {
            (self.failures, self.pause) = (0, None);
        }
    }

    /// Sees to it that what is held back is tried again, after a while or, where the store took some, now.
    fn wait_for_held(&mut self, taken: bool, cx: &mut Context) {
        let left = self.coalescer.held();
        if taken {
            self.refusals = 0;
            self.held_until = (left > 0).then_some(cx.now);
        } else if left > 0 && self.held_until.is_none() {
            self.held_until = Some(cx.now + backoff(&mut self.refusals, cx));
        }
    }

    fn advance(&mut self, cx: &mut Context) {
        let below = self.coalescer.stored_below();
        // Whether it moved matters to nobody here.
        let _ = self.stored.advance(below);
        let rest = self.open.split_off(&below);
        for (lsn, updates) in std::mem::replace(&mut self.open, rest) {
            let stored = cx.oracle.is_stored(lsn, &updates, &cx.store);
            cx.check(stored);
        }
    }

    fn answer_barriers(&mut self) -> bool {
        let (below, all) = (self.coalescer.stored_below(), self.coalescer.is_empty());
        let before = self.answered.len();
        while self.barriers.front().is_some_and(|(last, _)| all || *last < below) {
            self.answered.extend(self.barriers.pop_front().map(|(_, asker)| asker));
        }
        self.answered.len() > before
    }

    fn wake(&mut self, cx: &mut Context) {
        let due = self.due.filter(|_| self.pause.is_none());
        let next = [due, self.pause, self.held_until].into_iter().flatten().min();
        if let Some(next) = next
            && (next < self.woken || self.woken <= cx.now)
        {
            self.woken = next;
            cx.after(next.saturating_sub(cx.now), self.node, Inner::Wake);
        }
    }

    /// What it still holds; none where the store has everything.
    pub fn rest(&self) -> Option<String> {
        let held = (self.coalescer.documents(), self.coalescer.bytes(), self.open.len(), self.backlog.len());
        (held != (0, 0, 0, 0)).then(|| format!("{held:?} documents, bytes, groups and backlog are left"))
    }
}

/// The pause after a failure: up to twice as long as the one before.
fn backoff(failures: &mut u32, cx: &mut Context) -> u64 {
    let longest = (50 * MILLIS).saturating_mul(1 << (*failures).min(16)).min(PAUSE);
    *failures += 1;
    cx.pace(longest)
}
