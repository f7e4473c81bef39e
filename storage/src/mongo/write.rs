//! Batches of updates: their commands to the server, and the outcome of each update. Waits only for the server, and
//! retries nothing.
//!
//! 1. Updates with a head are inserted whole.
//! 2. The others change a document through their guard; so do inserts that met a document, whose state is merged into
//!    it.
//! 3. If a guard did not match, one read distinguishes a stale update from one without a document.
//!
//! `bulkWrite` of MongoDB 8.0 is not used: its inserts took more than twice the server's time of `insert`, and batches
//! change few documents.

mod command;
mod operation;
mod resolve;

#[cfg(test)]
mod tests;

use updraft_protocol::Update;

use self::command::Answer;
pub(super) use self::command::round_trip;
use self::operation::Operation;
use super::{MongoStore, document};
use crate::store::{Error, WriteOutcome, count_outcomes};

/// Writes a batch; one outcome for each update, in order.
pub(super) async fn batch(store: &MongoStore, batch: &[Update]) -> Result<Vec<WriteOutcome>, Error> {
    let mut ledger = Ledger { store, batch, outcomes: vec![None; batch.len()], doubts: Vec::new() };
    let is_new = |at: &usize| batch.get(*at).is_some_and(document::is_whole);
    let (new, mut known): (Vec<_>, Vec<_>) = (0..batch.len()).partition(is_new);
    let inserts = ledger.operations(&new, true);
    let mut met = Vec::new();
    for (update, answer) in command::send(store, inserts).await? {
        match answer {
            Answer::Exists => met.push(update),
            answer => ledger.sort(update, answer),
        }
    }
    known.extend(&met);
    let mut changes = ledger.operations(&known, false);
    if !met.is_empty() {
        ledger.note_newer(&mut changes).await?;
    }
    for (update, answer) in command::send(store, changes).await? {
        ledger.sort(update, answer);
    }
    let doubts = std::mem::take(&mut ledger.doubts);
    ledger.note(resolve::resolve(store, batch, doubts).await?);
    let outcomes = ledger.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(Answer::lost));
    let outcomes: Vec<_> = outcomes.collect();
    count_outcomes("mongodb", &outcomes);
    Ok(outcomes)
}

/// The known outcomes of a batch.
struct Ledger<'b> {
    store: &'b MongoStore,
    batch: &'b [Update],
    /// One entry for each update.
    outcomes: Vec<Option<WriteOutcome>>,
    /// Updates to be resolved by a read, each with whether its command may have changed its document.
    doubts: Vec<(usize, bool)>,
}

impl Ledger<'_> {
    /// The operations for some updates, those of one collection next to each other. An update that cannot be encoded
    /// has its outcome at once.
    fn operations(&mut self, updates: &[usize], inserts: bool) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(updates.len());
        for (at, update) in updates.iter().filter_map(|at| Some((*at, self.batch.get(*at)?))) {
            match Operation::of(at, update, inserts, &self.store.server) {
                Ok(operation) => operations.push(operation),
                Err(outcome) => self.note([(at, outcome)]),
            }
        }
        operations.sort_by_key(|operation| operation.collection);
        operations
    }

    /// Reads before changes are written, and drops those that would change nothing.
    ///
    /// `update` reports how many documents it changed, not which. That is enough unless some were as new before. In a
    /// batch that was sent before they are, which shows in inserts that meet their documents.
    async fn note_newer(&mut self, changes: &mut Vec<Operation>) -> Result<(), Error> {
        let doubts = changes.iter().map(|change| (change.update, false)).collect();
        let mut found = resolve::resolve(self.store, self.batch, doubts).await?;
        found.retain(|(_, outcome)| !matches!(outcome, WriteOutcome::Retry(_)));
        self.note(found);
        changes.retain(|change| self.outcomes.get(change.update).is_some_and(Option::is_none));
        Ok(())
    }

    fn note(&mut self, known: impl IntoIterator<Item = (usize, WriteOutcome)>) {
        for (update, outcome) in known {
            if let Some(place) = self.outcomes.get_mut(update) {
                *place = Some(outcome);
            }
        }
    }

    fn sort(&mut self, update: usize, answer: Answer) {
        match answer {
            Answer::Done(outcome) => self.note([(update, outcome)]),
            Answer::Unmatched => self.doubts.push((update, false)),
            Answer::Unsure => self.doubts.push((update, true)),
            // A change of a document never has this answer.
            Answer::Exists => self.note([(update, Answer::lost())]),
        }
    }
}
