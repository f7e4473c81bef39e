//! The writer: the loop that takes groups in and says when batches go. Owns when; what is written next is the
//! coalescer's, how a batch goes and comes back the flight's.

mod in_flight;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use updraft_kernel::batch_limit::BatchLimiter;
use updraft_kernel::coalescer::Coalescer;
use updraft_kernel::shared::DurableWatermark;

use self::in_flight::InFlight;
use super::backoff::Backoff;
use super::deferred::Deferred;
use super::notes::{Noted, Notes};
use super::refusals::Refusals;
use super::{Barrier, Config, Ended, Event, Group, Listener, Message, NotStored, Pending};
use crate::store::Store;

/// How long the writer sleeps where nothing is due: it is woken by what comes.
const IDLE: Duration = Duration::from_secs(3600);

/// The writer while it runs.
pub(super) struct Writer {
    config: Config,
    store: Arc<dyn Store>,
    stored: DurableWatermark,
    listener: Listener,
    /// What waits, for who watches.
    pending: watch::Sender<Pending>,
    /// Why the store does not take what waits, while it does not.
    failing: watch::Sender<Option<Arc<str>>>,
    /// What the store is told of how far it has come.
    notes: Notes,
    coalescer: Coalescer,
    limiter: BatchLimiter,
    flights: FuturesUnordered<InFlight>,
    /// Groups of a message for which there was no room yet.
    backlog: VecDeque<Group>,
    /// Barriers, each with the number of the last group before it; those of the journal are bounded by its queue.
    barriers: VecDeque<(u64, Barrier)>,
    /// The number of the last group taken in.
    last: u64,
    /// When the round ends, and what waits must go.
    due: Option<Instant>,
    /// A round has ended, and what was to go with it is not all on its way.
    overdue: bool,
    backoff: Backoff,
    /// Until when the store is left alone.
    pause: Option<Instant>,
    /// When what the store would not have is tried again.
    deferred: Deferred,
    /// What it would not have for a reason that nobody knows.
    refusals: Refusals,
    /// Whether the queue is closed and empty.
    closed: bool,
    /// When the writer gives up; set when the queue is closed.
    deadline: Option<Instant>,
    tally: Tally,
}

/// Updates counted, to tell how many were overtaken.
#[derive(Default)]
struct Tally {
    offered: usize,
    done: usize,
    overtaken: usize,
}

impl Writer {
    pub(super) fn new(
        config: Config,
        store: Arc<dyn Store>,
        stored: DurableWatermark,
        listener: Listener,
        (pending, failing): (watch::Sender<Pending>, watch::Sender<Option<Arc<str>>>),
        notes: Notes,
    ) -> Self {
        let backoff = |seed| Backoff::new(config.backoff, config.backoff_max, seed);
        Self {
            limiter: BatchLimiter::new(config.batch_limit.unwrap_or_else(|| store.batch_limit())),
            store,
            stored,
            listener,
            pending,
            failing,
            notes,
            coalescer: Coalescer::new(config.limits),
            flights: FuturesUnordered::new(),
            backlog: VecDeque::new(),
            barriers: VecDeque::new(),
            last: 0,
            due: None,
            overdue: false,
            backoff: backoff(config.seed),
            pause: None,
            deferred: Deferred::new(backoff(!config.seed)),
            refusals: Refusals::default(),
            closed: false,
            deadline: None,
            tally: Tally::default(),
            config,
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Message>) -> Ended {
        loop {
            self.take_in();
            self.answer_barriers();
            let now = Instant::now();
            self.launch(now);
            self.notes.write(self.coalescer.stored_below(), now);
            self.show();
            if self.closed && self.coalescer.is_empty() && self.backlog.is_empty() && self.notes.is_done() {
                return Ended::Stored;
            }
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                return self.give_up();
            }
            let receives = !self.closed && self.backlog.is_empty();
            let wake = self.wake(now);
            tokio::select! {
                biased;
                Some(flown) = self.flights.next(), if !self.flights.is_empty() => self.land(flown),
                noted = self.notes.landed() => Self::noted(noted),
                message = queue.recv(), if receives => match message {
                    Some(Message::Groups(groups)) => self.backlog = groups.into(),
                    Some(Message::Barrier(barrier)) => self.barriers.push_back((self.last, barrier)),
                    None => {
                        self.closed = true;
                        self.deadline = Instant::now().checked_add(self.config.drain);
                    }
                },
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Takes groups in as long as there is room.
    fn take_in(&mut self) {
        while self.backlog.front().is_some_and(|group| self.coalescer.has_room_for(&group.updates))
            && let Some(group) = self.backlog.pop_front()
        {
            self.last = group.lsn;
            self.tally.offered += group.updates.len();
            self.coalescer.offer(group.lsn, group.updates);
            self.advance();
        }
    }

    /// Sends off what is due, in as many batches as may fly.
    fn launch(&mut self, now: Instant) {
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
            self.fly(batch);
        }
        self.overdue &= self.coalescer.ready() > 0;
        // What is overdue waits for a flight to land, not for another round.
        let waits = self.coalescer.debounced() > 0 || (self.coalescer.ready() > 0 && !self.overdue);
        self.due = self.due.or_else(|| now.checked_add(self.config.delay)).filter(|_| waits);
    }

    fn may_launch(&self) -> bool {
        self.flights.len() < self.limiter.batches() && self.pause.is_none()
    }

    /// Until where somebody waits for a write: for its answer, or for room.
    fn awaited(&self) -> Option<u64> {
        let all = self.closed || !self.backlog.is_empty();
        let asked = self.barriers.back().map(|(last, _)| *last);
        if all { Some(u64::MAX) } else { asked }
    }

    /// Whether there is enough for a batch, or its time has come.
    fn must_launch(&self) -> bool {
        let full = self.coalescer.ready() >= self.limiter.operations()
            || self.coalescer.ready_bytes() >= self.config.bytes;
        full || self.overdue || self.awaited().is_some()
    }

    /// When there is something to do that nobody wakes the writer for.
    fn wake(&self, now: Instant) -> Instant {
        // Rounds end while batches fly, but not while the store is left alone.
        let due = self.due.filter(|_| self.pause.is_none());
        let note = self.notes.due(self.coalescer.stored_below());
        [due, self.pause, self.deferred.until(), self.deadline, note]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + IDLE)
    }

    /// Tells what became of a note. Without notes the journal drops nothing, and in the end accepts nothing, although the
    /// store takes every update.
    fn noted(noted: Noted) {
        match noted {
            Noted::Taken => {}
            Noted::TakenAgain => tracing::info!("the store notes again how far it has come"),
            Noted::Refused(error) => tracing::warn!(
                %error,
                "the store does not note how far it has come; until it does, the journal keeps what it has for it"
            ),
            Noted::RefusedAgain(error) => tracing::debug!(%error, "nor did the store take the next note"),
        }
    }

    fn trouble(&mut self, reason: String) {
        let known = self.backoff.is_failing();
        self.failing.send_replace(Some(reason.as_str().into()));
        self.pause = Instant::now().checked_add(self.backoff.fail());
        if !known {
            tracing::warn!(reason, "the store does not take updates; they are kept and tried again");
            self.tell(Event::StoreFailing { reason });
        }
    }

    fn success(&mut self) {
        if self.failing.borrow().is_some() {
            self.failing.send_replace(None);
        }
        if self.backoff.is_failing() {
            self.backoff.succeed();
            self.pause = None;
            tracing::info!("the store takes updates again");
            self.tell(Event::StoreWorking);
        }
    }

    /// Tells the embedder; a panic of its code ends here.
    fn tell(&self, event: Event) {
        if catch_unwind(AssertUnwindSafe(|| (self.listener)(event))).is_err() {
            tracing::error!("the listener of the writer panicked");
        }
    }

    fn advance(&self) {
        // Whether it moved matters to nobody here.
        let _ = self.stored.advance(self.coalescer.stored_below());
    }

    fn answer_barriers(&mut self) {
        let below = self.coalescer.stored_below();
        let all = self.coalescer.is_empty();
        while self.barriers.front().is_some_and(|(last, _)| all || *last < below) {
            match self.barriers.pop_front() {
                Some((_, barrier)) if barrier.closing => self.notes.close(barrier),
                Some((_, barrier)) => barrier.answer(Ok(())),
                None => {}
            }
        }
    }

    fn give_up(mut self) -> Ended {
        let documents = self.coalescer.documents();
        tracing::warn!(documents, "the store did not take everything in time; the rest is in the journal");
        let noting = self.notes.give_up();
        for barrier in self.barriers.drain(..).map(|(_, barrier)| barrier).chain(noting) {
            barrier.answer(Err(NotStored::OutOfTime));
        }
        Ended::GaveUp { documents }
    }

    fn show(&mut self) {
        let pending = Pending { documents: self.coalescer.documents(), bytes: self.coalescer.bytes() };
        self.pending.send_replace(pending);
        metrics::gauge!("updraft_store_pending_documents").set(pending.documents as f64);
        metrics::gauge!("updraft_store_pending_bytes").set(pending.bytes as f64);
        metrics::gauge!("updraft_store_held_documents").set(self.coalescer.deferred() as f64);
        metrics::gauge!("updraft_store_batch_operations").set(self.limiter.operations() as f64);
        metrics::gauge!("updraft_store_batches_in_flight").set(self.flights.len() as f64);
        metrics::gauge!("updraft_store_batches_in_flight_most").set(self.limiter.batches() as f64);
        // A document holds at most one update that waits and one in flight; what is neither was overtaken.
        let held = self.coalescer.documents() + self.coalescer.in_flight();
        let overtaken = self.tally.offered.saturating_sub(self.tally.done + held);
        let more = overtaken.saturating_sub(self.tally.overtaken);
        self.tally.overtaken += more;
        metrics::counter!("updraft_store_coalesced_total").increment(more as u64);
    }
}
