//! What follows a delivery: each update is finished, retried or deferred, and the store is paused or found healthy
//! again. Never decides when a batch is sent.

use std::time::Duration;

use super::Writer;
use super::command::{Command, Notice, Warning};
use super::delivery::{Delivery, Disposition};
use crate::batch_limit::BatchAnswer;
use crate::coalescer::Settled;

impl<B, R> Writer<B, R> {
    /// Settles a delivery that is over.
    pub(super) fn settle(&mut self, mut delivery: Delivery, now: Duration) {
        self.in_flight -= 1;
        let deferred = delivery.count(|disposition| *disposition == Disposition::Defer);
        let again = deferred + delivery.count(|disposition| *disposition == Disposition::Retry);
        let done = delivery.updates.len() - again;
        self.totals.retried += usize::from(again > 0);
        self.totals.done += done;
        self.remember_refusals(&delivery);
        self.report_letters(&mut delivery);
        let Delivery {
            id,
            updates,
            dispositions,
            deferred: before,
            sent,
            trouble,
            deferral,
            pushback,
            calls,
            took,
            ..
        } = delivery;
        let (mut settled, mut written) = (Vec::with_capacity(updates.len()), 0);
        for (update, disposition) in updates.into_iter().zip(dispositions) {
            settled.push(match disposition {
                Disposition::Written | Disposition::Stale | Disposition::Poison(_) => Settled::Done,
                Disposition::Retry => Settled::Retry,
                Disposition::Defer => Settled::Defer,
            });
            match disposition {
                Disposition::Written => written += 1,
                Disposition::Poison(reason) => {
                    self.totals.poison += 1;
                    self.commands.push(Command::Notify(Notice::Poison { update: Box::new(update), reason }));
                }
                // Stale updates are counted by the store.
                Disposition::Stale | Disposition::Retry | Disposition::Defer => {}
            }
        }
        self.totals.written += written;
        self.refusals.took(written as u64);
        self.coalescer.settle(id, settled);
        self.advance();
        match (pushback, calls) {
            (true, _) => self.limiter.landed(sent, BatchAnswer::Pushback),
            (false, 1) => self.limiter.landed(sent, BatchAnswer::Taken(took)),
            // It was split, so its duration says nothing about the store.
            (false, _) => {}
        }
        self.wait_for_deferred(before > 0 && deferred == 0 && done > 0, deferral.as_deref(), now);
        match trouble.or_else(|| deferral.filter(|_| done == 0 && deferred > before)) {
            Some(reason) => self.trouble(reason, now),
            None if done > 0 => self.success(),
            // Deferred updates were refused again, which says nothing about the others.
            None => {}
        }
    }

    /// Keeps the updates that were refused for an unknown reason, and forgets those that had another result.
    fn remember_refusals(&mut self, delivery: &Delivery) {
        for (update, disposition) in delivery.updates.iter().zip(&delivery.dispositions) {
            if !matches!(disposition, Disposition::Retry | Disposition::Defer) {
                self.refusals.cleared(update.document());
            }
        }
        for update in delivery.refused.iter().filter_map(|place| delivery.updates.get(*place)) {
            self.refusals.refused(update.document());
        }
    }

    fn report_letters(&mut self, delivery: &mut Delivery) {
        self.totals.letters_kept += delivery.letters_kept;
        for (letter, error) in delivery.lost.drain(..) {
            self.totals.letters_lost += 1;
            let (key, reason) = (letter.key, letter.reason);
            self.commands.push(Command::Warn(Warning::LetterLost { key, reason, error }));
        }
    }

    /// Schedules the next try of the deferred updates: after a pause, or now if the store took some.
    fn wait_for_deferred(&mut self, taken: bool, reason: Option<&str>, now: Duration) {
        let left = self.coalescer.deferred();
        if taken {
            self.deferred.taken(now, left);
        } else if self.deferred.wait(now, left) {
            let reason = reason.map(str::to_owned);
            self.commands.push(Command::Warn(Warning::Deferred { reason, documents: left }));
        }
    }

    fn trouble(&mut self, reason: String, now: Duration) {
        let known = self.backoff.is_failing();
        self.failing = Some(reason.as_str().into());
        self.pause = now.checked_add(self.backoff.fail());
        if !known {
            self.commands.push(Command::Notify(Notice::StoreFailing { reason }));
        }
    }

    fn success(&mut self) {
        if self.failing.take().is_some() {
            self.backoff.succeed();
            self.pause = None;
            self.commands.push(Command::Notify(Notice::StoreWorking));
        }
    }
}
