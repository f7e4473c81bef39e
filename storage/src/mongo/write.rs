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
mod message;
mod plan;
mod reply;
mod resolve;

#[cfg(test)]
mod tests;

use updraft_protocol::Update;

pub(super) use self::command::round_trip;
pub(super) use self::message::documents as runs;
use self::plan::{Operation, Plan};
use self::reply::Answer;
use super::MongoStore;
use crate::store::{Error, WriteOutcome, count_outcomes};

/// Writes a batch; one outcome for each update, in order.
pub(super) async fn batch(store: &MongoStore, batch: &[Update]) -> Result<Vec<WriteOutcome>, Error> {
    let most = store.server.document_bytes;
    let mut ledger = Ledger { outcomes: vec![None; batch.len()], doubts: Vec::new() };
    let Plan { inserts, changes, refused } = Plan::of(batch, most);
    ledger.note(refused);
    let mut met = Vec::new();
    for (update, answer) in message::insert(store, &inserts).await? {
        match answer {
            Answer::Exists => met.push(update),
            answer => ledger.sort(update, answer),
        }
    }
    // Freed before more is encoded: a batch may hold megabytes.
    drop(inserts);
    let mut laid_over = Plan::over(batch, &met, most);
    ledger.note(laid_over.refused);
    laid_over.changes.extend(changes);
    let mut changes = laid_over.changes;
    if !met.is_empty() {
        changes = still_older(store, batch, changes, &mut ledger).await?;
    }
    changes.sort_by_key(|change| change.collection);
    for (update, answer) in message::change(store, &changes).await? {
        ledger.sort(update, answer);
    }
    let resolved = resolve::resolve(store, batch, std::mem::take(&mut ledger.doubts)).await?;
    ledger.note(resolved);
    let outcomes = ledger.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(Answer::lost));
    let outcomes: Vec<_> = outcomes.collect();
    count_outcomes("mongodb", &outcomes);
    Ok(outcomes)
}

/// Reads before it writes, and keeps the changes that would change a document.
///
/// `update` reports how many documents it changed, not which. That is enough unless some were as new before. In a batch
/// that was sent before they are, which shows in inserts that meet their documents.
async fn still_older(
    store: &MongoStore,
    batch: &[Update],
    mut changes: Vec<Operation>,
    ledger: &mut Ledger,
) -> Result<Vec<Operation>, Error> {
    let doubts = changes.iter().map(|change| (change.update, resolve::Doubt::NotByUs)).collect();
    let mut found = resolve::resolve(store, batch, doubts).await?;
    found.retain(|(_, outcome)| !matches!(outcome, WriteOutcome::Retry(_)));
    ledger.note(found);
    changes.retain(|change| ledger.outcomes.get(change.update).is_some_and(Option::is_none));
    Ok(changes)
}

/// The known outcomes of a batch.
struct Ledger {
    /// One entry for each update.
    outcomes: Vec<Option<WriteOutcome>>,
    /// Updates to be resolved by a read.
    doubts: Vec<(usize, resolve::Doubt)>,
}

impl Ledger {
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
            Answer::Unmatched => self.doubts.push((update, resolve::Doubt::NotByUs)),
            Answer::Unsure => self.doubts.push((update, resolve::Doubt::PerhapsByUs)),
            // A change of a document never has this answer.
            Answer::Exists => self.note([(update, Answer::lost())]),
        }
    }
}
