//! What follows a delivery: each update is done with, tried again or deferred; the store is left alone or found well again.
//! Never says when a batch goes.

use std::time::Duration;

use super::Writer;
use super::command::{Command, Notice, Warning};
use super::delivery::{Delivery, Fate};
use crate::batch_limit::BatchAnswer;
use crate::coalescer::Settled;

impl<B, R> Writer<B, R> {
    /// Settles a delivery that is over.
    pub(super) fn land(&mut self, mut delivery: Delivery, now: Duration) {
        self.in_flight -= 1;
        let deferred = delivery.count(|fate| *fate == Fate::Defer);
        let again = deferred + delivery.count(|fate| *fate == Fate::Retry);
        let done = delivery.updates.len() - again;
        self.totals.retried += usize::from(again > 0);
        self.totals.done += done;
        self.remember_refusals(&delivery);
        self.report_letters(&mut delivery);
        let Delivery {
            id,
            updates,
            fates,
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
        for (update, fate) in updates.into_iter().zip(fates) {
            settled.push(match fate {
                Fate::Written | Fate::Stale | Fate::Poison(_) => Settled::Done,
                Fate::Retry => Settled::Retry,
                Fate::Defer => Settled::Defer,
            });
            match fate {
                Fate::Written => written += 1,
                Fate::Poison(reason) => {
                    self.totals.poison += 1;
                    self.commands.push(Command::Tell(Notice::Poison { update: Box::new(update), reason }));
                }
                // A stale one is counted by the store.
                Fate::Stale | Fate::Retry | Fate::Defer => {}
            }
        }
        self.totals.written += written;
        self.refusals.took(written as u64);
        self.coalescer.settle(id, settled);
        self.advance();
        match (pushback, calls) {
            (true, _) => self.limiter.landed(sent, BatchAnswer::Pushback),
            (false, 1) => self.limiter.landed(sent, BatchAnswer::Taken(took)),
            // It was split: how long that took says nothing of the store.
            (false, _) => {}
        }
        self.wait_for_deferred(before > 0 && deferred == 0 && done > 0, deferral.as_deref(), now);
        match trouble.or_else(|| deferral.filter(|_| done == 0 && deferred > before)) {
            Some(reason) => self.trouble(reason, now),
            None if done > 0 => self.success(),
            // What is tried again is refused again: that says nothing of the others.
            None => {}
        }
    }

    /// Keeps which updates were refused for an unknown reason, and forgets those of which something became.
    fn remember_refusals(&mut self, delivery: &Delivery) {
        for (update, fate) in delivery.updates.iter().zip(&delivery.fates) {
            if !matches!(fate, Fate::Retry | Fate::Defer) {
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

    /// Sees to it that what is deferred is tried again, after a while or, where the store took some, now.
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
            self.commands.push(Command::Tell(Notice::StoreFailing { reason }));
        }
    }

    fn success(&mut self) {
        if self.failing.take().is_some() {
            self.backoff.succeed();
            self.pause = None;
            self.commands.push(Command::Tell(Notice::StoreWorking));
        }
    }
}
