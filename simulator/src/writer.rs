//! The writer of one node: drives the shipped [`updraft_kernel::writer`] over a store that is late, loses answers,
//! defers and refuses. Owns the queue in front of it and the calls under way; does not decide what is written when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use updraft_kernel::coalescer::Limits;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_kernel::writer::{
    Command, Delivery, Group, Input, Notice, StoreCall, StoreFault, WriteOutcome, Writer, WriterConfig,
};
use updraft_protocol::{DeadLetter, DocumentId, ExecutionId, Revision, Update};

use crate::chance::Purpose;
use crate::context::Context;
use crate::event::{Incarnation, Inner, NodeId, Reply, Request, WorldEvent};
use crate::fault::Moment;
use crate::scenario::{MILLIS, Noise, Sizes};

/// Bytes of a batch, small so that the limit is reached.
const BATCH_BYTES: usize = 4_000;

/// A waiter for the store to have everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The start of the node.
    Start,
    /// The read of an execution.
    Read(ExecutionId, Incarnation),
    /// A rerun, by its number.
    Rerun(usize),
    /// A change of a queued execution, by its number.
    Claim(u64),
    /// A pause of a scope, by its number.
    Scope(u64),
    /// The journal, which closes.
    Close,
}

/// A message from the journal to the writer.
pub enum Handoff {
    /// Groups with rising numbers.
    Groups(Vec<(u64, Vec<Update>)>),
    /// To be answered when everything before it is in the store.
    Barrier(Asker),
}

/// The writer of a process.
pub struct WriterDriver {
    node: NodeId,
    config: WriterConfig,
    bound: usize,
    queue: VecDeque<Handoff>,
    writer: Writer<Asker, ()>,
    stored: DurableWatermark,
    /// Deliveries with a call under way, by the number of the call.
    calls: BTreeMap<u64, Box<Delivery>>,
    requests: u64,
    woken: u64,
    /// The updates of each group above the watermark.
    open: BTreeMap<u64, Vec<(DocumentId, Revision)>>,
    /// Batches with at least one update to be sent again.
    retried: usize,
    /// The answered barriers.
    pub answered: Vec<Asker>,
    /// Executions with an update that the store refuses for good.
    pub refused: Vec<ExecutionId>,
}

impl WriterDriver {
    /// A writer at its start.
    pub fn new(node: NodeId, stored: DurableWatermark, sizes: Sizes) -> Self {
        let config = WriterConfig {
            bytes: BATCH_BYTES,
            delay: Duration::from_micros(sizes.delay),
            limits: Limits { documents: sizes.documents, bytes: sizes.bytes },
            seed: node,
            ..WriterConfig::default()
        };
        Self {
            node,
            config,
            bound: sizes.queue,
            queue: VecDeque::new(),
            writer: Writer::new(config, sizes.batch_limit, None),
            stored,
            calls: BTreeMap::new(),
            requests: 0,
            woken: u64::MAX,
            open: BTreeMap::new(),
            retried: 0,
            answered: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Queues a message.
    ///
    /// # Errors
    /// The message, if there is no room.
    pub fn send(&mut self, message: Handoff, cx: &mut Context) -> Result<(), Handoff> {
        if self.queue.len() >= self.bound {
            cx.statistics.count("waits for the writer");
            return Err(message);
        }
        self.queue.push_back(message);
        Ok(())
    }

    /// Does everything that can be done now; returns whether anything was.
    pub fn turn(&mut self, cx: &mut Context) -> bool {
        if self.writer.receives()
            && let Some(message) = self.queue.pop_front()
        {
            let input = match message {
                Handoff::Groups(groups) => Input::Groups(self.groups(groups)),
                Handoff::Barrier(token) => Input::Barrier { token, closing: token == Asker::Close },
            };
            self.on(input, cx);
            return true;
        }
        let due = self.writer.wakes_at().is_some_and(|at| at <= now(cx));
        if due {
            self.on(Input::Woken, cx);
        }
        self.wake(cx);
        due
    }

    fn groups(&mut self, groups: Vec<(u64, Vec<Update>)>) -> Vec<Group<()>> {
        let take = |(lsn, updates): (u64, Vec<Update>)| {
            let shown = updates.iter().map(|update| (update.document(), update.revision())).collect();
            self.open.insert(lsn, shown);
            Group::new(lsn, updates)
        };
        groups.into_iter().map(take).collect()
    }

    /// Applies an event to the writer, and carries out its commands.
    fn on(&mut self, input: Input<Asker, ()>, cx: &mut Context) {
        for command in self.writer.on(input, now(cx)) {
            match command {
                Command::Deliver(delivery) => self.call(delivery, cx),
                Command::Stored { below } => self.stored_below(below, cx),
                Command::Answer(asker, Ok(())) => self.answered.push(asker),
                Command::Notify(Notice::Poison { update, .. }) => self.poison(&update, cx),
                Command::Notify(Notice::StoreFailing { .. } | Notice::StoreWorking) | Command::Warn(_) => {}
                Command::Answer(_, Err(_))
                | Command::Note { .. }
                | Command::Noted { .. }
                | Command::End(_) => {
                    cx.violated("the writer does what is asked", "it notes or ends unasked".to_owned());
                }
            }
        }
        let figures = self.writer.figures();
        for _ in self.retried..figures.totals.retried {
            cx.statistics.count("batches sent again");
        }
        self.retried = figures.totals.retried;
        let limits = self.config.limits;
        // A single group may exceed it.
        if (figures.documents > limits.documents || figures.bytes > limits.bytes)
            && self.open.range(..=self.writer.last()).count() > 1
        {
            let (documents, bytes) = (figures.documents, figures.bytes);
            cx.violated("nothing unbounded", format!("{documents} documents of {bytes} bytes wait"));
        }
    }

    /// Makes the next store call of a delivery, whose result is drawn here; if there is none, the delivery is over.
    fn call(&mut self, delivery: Box<Delivery>, cx: &mut Context) {
        let Some(call) = delivery.next_call() else { return self.on(Input::Delivered(delivery), cx) };
        self.requests += 1;
        let number = self.requests;
        let flying = self.calls.values().chain(std::iter::once(&delivery));
        let mut documents: Vec<DocumentId> =
            flying.flat_map(|delivery| delivery.updates().iter().map(Update::document)).collect();
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
        let request = Request { node: self.node, number, call, answer };
        if late && dice.one_in(8) {
            cx.statistics.count("store requests that arrive twice");
            let again = cx.now + arrives + dice.below(200_000 * MILLIS);
            cx.queue.at(again, WorldEvent::Arrive(Request { answer: Reply::Never, ..request.clone() }));
        }
        if fate == 2 && cx.noisy(Noise::StoreForgets) {
            cx.statistics.count("store requests that are lost");
        } else {
            cx.queue.at(cx.now + arrives, WorldEvent::Arrive(request));
        }
        let timeout = self.config.timeout.as_micros() as u64;
        let late = Err(StoreFault::Store("no answer in time".to_owned()));
        cx.after(timeout, self.node, Inner::Landed(number, late));
        self.calls.insert(number, delivery);
    }

    /// A call has an answer, or has timed out.
    pub fn land(&mut self, number: u64, answer: Result<Vec<WriteOutcome>, StoreFault>, cx: &mut Context) {
        let Some(mut delivery) = self.calls.remove(&number) else { return };
        match delivery.next_call() {
            Some(StoreCall::Write(_)) => delivery.written(answer, now(cx)),
            Some(StoreCall::Keep(_)) => delivery.kept(answer.map(drop)),
            None => {}
        }
        self.call(delivery, cx);
    }

    fn stored_below(&mut self, below: u64, cx: &mut Context) {
        // The watermark may already be higher.
        let _ = self.stored.advance(below);
        let rest = self.open.split_off(&below);
        for (lsn, updates) in std::mem::replace(&mut self.open, rest) {
            let stored = cx.oracle.is_stored(lsn, &updates, &cx.store);
            cx.check(stored);
        }
    }

    fn poison(&mut self, update: &Update, cx: &mut Context) {
        cx.moment(Moment::Poisoned);
        cx.statistics.count("updates that the store never takes");
        let key = DeadLetter::of(update, String::new()).key;
        if !cx.store.letters.contains(&key) {
            cx.violated("nothing lost", format!("{key} is poison, and no dead letter is kept of it"));
        }
        self.refused.push(update.execution());
    }

    fn wake(&mut self, cx: &mut Context) {
        // Rounded up, since the simulated clock has whole microseconds.
        let next = self.writer.wakes_at().map(|at| at.as_nanos().div_ceil(1_000) as u64);
        if let Some(next) = next
            && (next < self.woken || self.woken <= cx.now)
        {
            self.woken = next;
            cx.after(next.saturating_sub(cx.now), self.node, Inner::Wake);
        }
    }

    /// The updates that it still holds; `None` if the store has everything.
    pub fn rest(&self) -> Option<String> {
        let figures = self.writer.figures();
        let held = (figures.documents, figures.bytes, self.open.len(), self.queue.len());
        (held != (0, 0, 0, 0)).then(|| format!("{held:?} documents, bytes, groups and messages are left"))
    }
}

fn now(cx: &Context) -> Duration {
    Duration::from_micros(cx.now)
}
