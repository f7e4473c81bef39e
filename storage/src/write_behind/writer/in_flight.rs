//! Flights: a batch on its way to the store, and what follows when it is back. Never says when one goes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use updraft_kernel::batch_limit::{BatchAnswer, Sent};
use updraft_kernel::coalescer::{Batch, BatchId, Settled};
use updraft_protocol::Update;

use super::Writer;
use crate::write_behind::batch::{self, Landed, Verdict};
use crate::write_behind::{Event, dead_letter};

/// A batch in flight: it comes back with what became of it.
pub(super) type InFlight = Pin<Box<dyn Future<Output = Flown> + Send>>;

/// A batch that came back.
pub(super) struct Flown {
    id: BatchId,
    updates: Vec<Update>,
    /// Of these, so many were held back before.
    held: usize,
    sent: Sent,
    landed: Landed,
    /// How long the store took to write them.
    took: Duration,
}

impl Writer {
    /// Sends a batch off.
    pub(super) fn fly(&mut self, Batch { id, updates, deferred: held }: Batch) {
        metrics::counter!("updraft_store_batches_total").increment(1);
        let sent = self.limiter.sent(updates.len(), self.flights.len() + 1);
        let convicted = self.refusals.convicted(&updates);
        let (store, timeout) = (Arc::clone(&self.store), self.config.timeout);
        self.flights.push(Box::pin(async move {
            let began = Instant::now();
            let mut landed = batch::write(&*store, &updates, &convicted, timeout).await;
            let took = began.elapsed();
            dead_letter::keep(&*store, &updates, &mut landed, timeout).await;
            Flown { id, updates, held, sent, landed, took }
        }));
    }

    /// Settles a batch.
    pub(super) fn land(&mut self, flown: Flown) {
        let Flown { id, updates, held, sent, landed, took } = flown;
        let refused = landed.count(|verdict| *verdict == Verdict::Defer);
        let again = refused + landed.count(|verdict| *verdict == Verdict::Retry);
        let done = updates.len() - again;
        if again > 0 {
            metrics::counter!("updraft_store_retries_total").increment(1);
        }
        self.suspect(&updates, &landed);
        let (mut settled, mut written) = (Vec::with_capacity(updates.len()), 0);
        for (update, verdict) in updates.into_iter().zip(landed.verdicts) {
            settled.push(match verdict {
                Verdict::Written | Verdict::Stale | Verdict::Poison(_) => Settled::Done,
                Verdict::Retry => Settled::Retry,
                Verdict::Defer => Settled::Defer,
            });
            match verdict {
                Verdict::Written => written += 1,
                Verdict::Poison(reason) => self.poison(update, reason),
                // A stale one is counted by the store.
                Verdict::Stale | Verdict::Retry | Verdict::Defer => {}
            }
        }
        metrics::counter!("updraft_store_updates_total").increment(written);
        self.refusals.took(written);
        self.tally.done += done;
        self.coalescer.settle(id, settled);
        self.advance();
        match (landed.pushback, landed.calls) {
            (true, _) => self.limiter.landed(sent, BatchAnswer::Pushback),
            (false, 1) => self.limiter.landed(sent, BatchAnswer::Taken(took)),
            // It was split: how long that took says nothing of the store.
            (false, _) => {}
        }
        self.wait_for_held(held > 0 && refused == 0 && done > 0, landed.deferred.as_deref());
        match landed.trouble.or_else(|| landed.deferred.filter(|_| done == 0 && refused > held)) {
            Some(reason) => self.trouble(reason),
            None if done > 0 => self.success(),
            // What is tried again is refused again: that says nothing of the others.
            None => {}
        }
    }

    /// Keeps who was refused for an unknown reason, and forgets of whom something became.
    fn suspect(&mut self, updates: &[Update], landed: &Landed) {
        for (update, verdict) in updates.iter().zip(&landed.verdicts) {
            if !matches!(verdict, Verdict::Retry | Verdict::Defer) {
                self.refusals.cleared(update.document());
            }
        }
        for update in landed.refusals.iter().filter_map(|at| updates.get(*at)) {
            self.refusals.refused(update.document());
        }
    }

    /// Sees to it that what is held back is tried again, after a while or, where the store took some, now.
    fn wait_for_held(&mut self, taken: bool, reason: Option<&str>) {
        let (now, left) = (Instant::now(), self.coalescer.deferred());
        if taken {
            self.deferred.taken(now, left);
        } else if self.deferred.wait(now, left) {
            tracing::warn!(reason, documents = left, "the store will not have some updates yet");
        }
    }

    fn poison(&self, update: Update, reason: String) {
        metrics::counter!("updraft_store_poison_total").increment(1);
        tracing::error!(document = ?update.document(), reason, "the store will never take an update");
        self.tell(Event::Poison { update: Box::new(update), reason });
    }
}
