//! Requests to the store: the answer of each call, including the store's delays, refusals and losses. Owns these
//! faults; the documents are in the store.

use updraft_kernel::writer::{StoreCall, StoreFault, WriteOutcome};
use updraft_protocol::{DeadLetter, DocumentId, Update};

use super::World;
use crate::chance::{Dice, Purpose};
use crate::event::{Inner, Reply, Request};
use crate::fault::Moment;
use crate::oracle::Shown;
use crate::scenario::{MILLIS, Noise};
use crate::store::POISON;

type Answer = Result<Vec<WriteOutcome>, StoreFault>;

impl World {
    /// A request reaches the store.
    pub(super) fn arrive(&mut self, request: Request) {
        let Request { node, number, call, answer } = request;
        let mut dice = self.cx.dice(Purpose::Store, &[node, number, 1]);
        let fault = |text: &str| Err(StoreFault::Store(text.to_owned()));
        if !self.cx.store.answers(self.cx.now) {
            return self.cx.after(MILLIS, node, Inner::Landed(number, fault("the store does not answer")));
        }
        let answered = match call {
            StoreCall::Write(updates) => self.write_all(&updates, &mut dice),
            StoreCall::Keep(letters) => self.keep(letters, &mut dice),
        };
        self.cx.note(format_args!("n{node} request {number} is {answered:?}"));
        self.cx.moment(Moment::Stored);
        match answer {
            Reply::After(wait) => self.cx.after(wait, node, Inner::Landed(number, answered)),
            Reply::Broken(wait) => self.cx.after(wait, node, Inner::Landed(number, fault("it broke"))),
            Reply::Never => {}
        }
    }

    /// Keeps dead letters, all or none.
    fn keep(&mut self, letters: Vec<DeadLetter>, dice: &mut Dice) -> Answer {
        if self.cx.noisy(Noise::StorePartial) && dice.one_in(5) {
            self.cx.statistics.count("dead letters put off by the store");
            return Err(StoreFault::Store("no room for dead letters".to_owned()));
        }
        self.cx.store.letters.extend(letters.into_iter().map(|letter| letter.key));
        Ok(Vec::new())
    }

    /// Writes a batch; refuses one with poison as a whole now and then.
    fn write_all(&mut self, updates: &[Update], dice: &mut Dice) -> Answer {
        if updates.len() > 1 && updates.iter().any(is_cursed) && dice.one_in(2) {
            self.cx.statistics.count("batches refused whole");
            return Err(StoreFault::Content("something in it".to_owned()));
        }
        let partial = self.cx.noisy(Noise::StorePartial) && dice.one_in(5);
        let mut outcomes = Vec::with_capacity(updates.len());
        for update in updates {
            if partial && dice.one_in(2) {
                self.cx.statistics.count("updates put off by the store");
                outcomes.push(WriteOutcome::Retry("not now".to_owned()));
            } else {
                self.cx.statistics.count("updates at the store");
                outcomes.push(self.write(update));
            }
        }
        Ok(outcomes)
    }

    fn write(&mut self, update: &Update) -> WriteOutcome {
        let before = Shown::of(update.document(), &self.cx.store);
        let known = self.cx.store.poisoned.contains(&update.document());
        let outcome = self.cx.store.write(update);
        if outcome == WriteOutcome::Stale {
            self.cx.statistics.count("stale updates");
        }
        if matches!(outcome, WriteOutcome::Poison(_)) && !is_cursed(update) && !known {
            self.cx.violated("nothing lost", format!("the store cannot take {:?}", update.document()));
        }
        if let DocumentId::Task(task) = update.document() {
            self.cx.oracle.holds(task, self.cx.now, &self.cx.store);
        }
        let written = self.cx.oracle.written(update, &outcome, &before, &self.cx.store);
        self.cx.check(written);
        outcome
    }
}

/// Whether the store refuses an update for its content.
fn is_cursed(update: &Update) -> bool {
    matches!(update, Update::Task(task)
        if task.state.response.as_ref().is_some_and(|response| response.as_str().contains(POISON)))
}
