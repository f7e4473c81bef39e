//! The driver of [`Writer`]: feeds events in, and carries out its commands. Owns the queue, the clock and the calls of
//! the store; does not decide what is written when.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use updraft_kernel::writer::{
    Command, Delivery, Ended, Input, Notice, StoreCall, StoreFault, Warning, Writer, WriterFigures,
};
use updraft_protocol::limits::WRITE_TIMEOUT;

use super::{Pending, WriteBehind};
use crate::handoff::{Barrier, Message, NotStored, Room};
use crate::store::{Error, Store};

/// How long the driver sleeps if nothing is due: an event wakes it.
const IDLE: Duration = Duration::from_secs(3600);

type Delivering = Pin<Box<dyn Future<Output = Box<Delivery>> + Send>>;
type Noting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// The writer while it runs.
pub(super) struct Driver {
    /// The instant from which the writer's time counts.
    began: Instant,
    with: WriteBehind,
    writer: Writer<Barrier, Room>,
    deliveries: FuturesUnordered<Delivering>,
    /// The note that is under way.
    note: Option<Noting>,
    /// The figures that the metrics have.
    shown: WriterFigures,
}

impl Driver {
    pub(super) fn new(with: WriteBehind) -> Self {
        let noted = with.notes.as_ref().map(|(_, noted)| noted.get());
        let writer = Writer::new(with.config, with.store.batch_limit(), noted);
        let (deliveries, shown) = (FuturesUnordered::new(), WriterFigures::default());
        Self { began: Instant::now(), with, writer, deliveries, note: None, shown }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Message>) -> Ended {
        let mut input = Input::Woken;
        loop {
            for command in self.writer.on(input, self.began.elapsed()) {
                if let Some(ended) = self.perform(command) {
                    return ended;
                }
            }
            self.show();
            let receives = self.writer.receives();
            let wakes = self.writer.wakes_at().map_or_else(|| Instant::now() + IDLE, |at| self.began + at);
            input = tokio::select! {
                biased;
                Some(delivery) = self.deliveries.next(), if !self.deliveries.is_empty() => Input::Delivered(delivery),
                noted = landed(&mut self.note) => Input::Noted(noted.map_err(|error| error.to_string())),
                message = queue.recv(), if receives => match message {
                    Some(Message::Groups(groups)) => Input::Groups(groups),
                    Some(Message::Barrier(token)) => Input::Barrier { closing: token.closing, token },
                    None => Input::Closed,
                },
                () = sleep_until(wakes) => Input::Woken,
            };
        }
    }

    /// Carries out a command; returns how the writer ended, if it has.
    fn perform(&mut self, command: Command<Barrier>) -> Option<Ended> {
        match command {
            Command::Deliver(delivery) => {
                let (store, timeout) = (Arc::clone(&self.with.store), self.with.config.timeout);
                self.deliveries.push(Box::pin(deliver(store, delivery, self.began, timeout)));
            }
            Command::Note { up_to, closing } => self.write_note(up_to, closing),
            // The watermark may already be higher.
            Command::Stored { below } => _ = self.with.stored.advance(below),
            Command::Noted { below } => _ = self.with.notes.as_ref().map(|(_, noted)| noted.advance(below)),
            Command::Answer(barrier, outcome) => barrier.answer(outcome.map_err(|_| NotStored::OutOfTime)),
            Command::Notify(notice) => self.notify(notice),
            Command::Warn(warning) => warn(warning),
            Command::End(ended) => {
                if let Ended::GaveUp { documents } = ended {
                    tracing::warn!(
                        documents,
                        "the store did not take everything in time; the rest is in the journal"
                    );
                }
                return Some(ended);
            }
        }
        None
    }

    fn write_note(&mut self, up_to: u64, closing: bool) {
        let Some((journal, _)) = self.with.notes else { return };
        let store = Arc::clone(&self.with.store);
        self.note = Some(Box::pin(async move {
            let note = async { store.note(journal, up_to, closing).await };
            guarded(note, WRITE_TIMEOUT).await
        }));
    }

    /// Notifies the application; a panic of its code is caught.
    fn notify(&self, notice: Notice) {
        match &notice {
            Notice::Poison { update, reason } => {
                tracing::error!(document = ?update.document(), reason, "the store will never take an update");
            }
            Notice::StoreFailing { reason } => {
                tracing::warn!(reason, "the store does not take updates; they are kept and tried again");
            }
            Notice::StoreWorking => tracing::info!("the store takes updates again"),
        }
        if catch_unwind(AssertUnwindSafe(|| (self.with.listener)(notice))).is_err() {
            tracing::error!("the listener of the writer panicked");
        }
    }

    /// Publishes the figures of the writer.
    fn show(&mut self) {
        let (now, before) = (self.writer.figures(), self.shown.totals);
        self.with.pending.send_replace(Pending { documents: now.documents, bytes: now.bytes });
        self.with.figures.send_replace(now);
        self.with.trouble.send_if_modified(|shown| {
            let changed = shown.as_ref() != self.writer.failing();
            if changed {
                *shown = self.writer.failing().cloned();
            }
            changed
        });
        metrics::gauge!("updraft_store_pending_documents").set(now.documents as f64);
        metrics::gauge!("updraft_store_pending_bytes").set(now.bytes as f64);
        metrics::gauge!("updraft_store_deferred_documents").set(now.deferred as f64);
        metrics::gauge!("updraft_store_batch_operations").set(now.operations as f64);
        metrics::gauge!("updraft_store_batches_in_flight").set(now.in_flight as f64);
        metrics::gauge!("updraft_store_batches_in_flight_most").set(now.in_flight_most as f64);
        let totals = now.totals;
        let more = |now: usize, before: usize| now.saturating_sub(before) as u64;
        metrics::counter!("updraft_store_coalesced_total")
            .increment(more(totals.overtaken, before.overtaken));
        if totals.batches > before.batches {
            metrics::counter!("updraft_store_batches_total").increment(more(totals.batches, before.batches));
        }
        if totals.retried > before.retried {
            metrics::counter!("updraft_store_retries_total").increment(more(totals.retried, before.retried));
        }
        if totals.written > before.written {
            metrics::counter!("updraft_store_updates_total").increment(more(totals.written, before.written));
        }
        if totals.poison > before.poison {
            metrics::counter!("updraft_store_poison_total").increment(more(totals.poison, before.poison));
        }
        for (outcome, now, before) in [
            ("kept", totals.letters_kept, before.letters_kept),
            ("lost", totals.letters_lost, before.letters_lost),
        ] {
            if now > before {
                metrics::counter!("updraft_store_dead_letters_total", "outcome" => outcome)
                    .increment(more(now, before));
            }
        }
        let overtaken = totals.overtaken.max(before.overtaken);
        self.shown = now;
        self.shown.totals.overtaken = overtaken;
    }
}

/// Waits for the result of the note under way; never completes if there is none.
async fn landed(note: &mut Option<Noting>) -> Result<(), Error> {
    let Some(writing) = note else { return pending().await };
    let written = writing.await;
    *note = None;
    written
}

/// Makes the calls of the store that a delivery asks for.
async fn deliver(
    store: Arc<dyn Store>,
    mut delivery: Box<Delivery>,
    began: Instant,
    timeout: Duration,
) -> Box<Delivery> {
    while let Some(call) = delivery.next_call() {
        match call {
            StoreCall::Write(updates) => {
                let answer = guarded(async { store.write(updates).await }, timeout).await;
                delivery.written(answer.map_err(fault), began.elapsed());
            }
            StoreCall::Keep(letters) => {
                let answer = guarded(async { store.keep_dead_letters(letters).await }, timeout).await;
                delivery.kept(answer.map_err(fault));
            }
        }
    }
    delivery
}

/// The cause of a failed store call.
fn fault(error: Error) -> StoreFault {
    let text = error.to_string();
    match error {
        Error::Unavailable(_) | Error::Full(_) | Error::InUse { .. } | Error::Schema { .. } => {
            StoreFault::Store(text)
        }
        Error::Refused(_) => StoreFault::Content(text),
        // One row that cannot be read, or the whole file.
        Error::Corrupt(_) => StoreFault::Unclear(text),
    }
}

/// A store call with a time limit, whose panic is caught.
async fn guarded<T>(call: impl Future<Output = Result<T, Error>>, timeout: Duration) -> Result<T, Error> {
    match tokio::time::timeout(timeout, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => Err(Error::Unavailable("it panicked".to_owned())),
        Err(_) => Err(Error::Unavailable(format!("no answer in {timeout:?}"))),
    }
}

fn warn(warning: Warning) {
    match warning {
        Warning::Deferred { reason, documents } => {
            tracing::warn!(reason, documents, "the store will not have some updates yet");
        }
        Warning::LetterLost { key, reason, error } => {
            tracing::error!(key, reason, error, "a dead letter will never be kept and is lost");
        }
        // Without notes the journal deletes nothing, and in the end accepts nothing, although the store takes every
        // update.
        Warning::NoteRefused { error, first: true } => tracing::warn!(
            error,
            "the store does not note how far it has come; until it does, the journal keeps what it has for it"
        ),
        Warning::NoteRefused { error, first: false } => {
            tracing::debug!(error, "nor did the store take the next note");
        }
        Warning::NoteTakenAgain => tracing::info!("the store notes again how far it has come"),
    }
}
