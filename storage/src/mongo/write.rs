//! Batches of updates on their way to the server, and what became of each. Two ways with the same outcomes. Waits for
//! nothing but the server, and tries nothing again but what went a way that the server turns out not to know.
//!
//! 1. Updates with a head are inserted whole; the others change a document through their guard.
//! 2. Where an insert meets a document, its state is laid over that through the guard.
//! 3. Where a guard let nothing through, one read tells a stale update from one without a document.
//!
//! Inserts go by the command `insert` also to a server that knows `bulkWrite`: measured, that takes less than half
//! of the server's time and a tenth of ours for each document, and at the worst costs a batch one round trip more.

mod command;
mod message;
mod plan;
mod reply;
mod route;
mod settle;

#[cfg(test)]
mod tests;

use updraft_protocol::Update;

pub(super) use self::command::round_trip;
use self::message::Message;
pub(super) use self::message::documents as runs;
use self::plan::{Operation, Plan};
use self::reply::Answer;
pub(super) use self::route::{Path, Route};
use super::MongoStore;
use crate::store::{Error, WriteOutcome};

/// Writes a batch; one outcome for each update, in order.
pub(super) async fn batch(store: &MongoStore, batch: &[Update]) -> Result<Vec<WriteOutcome>, Error> {
    let path = store.route.path();
    match by(path, store, batch).await {
        Err(_) if store.route.path() != path => by(store.route.path(), store, batch).await,
        outcomes => outcomes,
    }
}

async fn by(path: Path, store: &MongoStore, batch: &[Update]) -> Result<Vec<WriteOutcome>, Error> {
    let most = store.server.document_bytes;
    let mut ledger = Ledger { outcomes: vec![None; batch.len()], doubts: Vec::new() };
    let Plan { inserts, changes, refused, .. } = Plan::of(batch, most);
    ledger.note(refused);
    // `update` waits for what `insert` finds.
    let (now, later) = if path == Path::BulkWrite { (changes, Vec::new()) } else { (Vec::new(), changes) };
    let mut met = Vec::new();
    for (update, answer) in message::send(store, path, messages(store, path, &inserts, &now)).await? {
        match answer {
            Answer::Exists => met.push(update),
            answer => ledger.sort(update, answer),
        }
    }
    // Freed before more is encoded: a batch may hold megabytes.
    drop((inserts, now));
    let mut second = Plan::over(batch, &met, most);
    ledger.note(second.refused);
    second.changes.extend(later);
    if path == Path::Commands && !met.is_empty() {
        second.changes = still_older(store, batch, second.changes, &mut ledger).await?;
    }
    second.changes.sort_by_key(|change| change.collection);
    for (update, answer) in message::send(store, path, messages(store, path, &[], &second.changes)).await? {
        ledger.sort(update, answer);
    }
    let settled = settle::settle(store, batch, std::mem::take(&mut ledger.doubts)).await?;
    ledger.note(settled);
    let outcomes = ledger.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(Answer::lost));
    let outcomes: Vec<_> = outcomes.collect();
    count(&outcomes);
    Ok(outcomes)
}

/// Looks before it writes, and leaves the changes that have something to change.
///
/// `update` says how many documents it changed, not which. That is enough but where some were as new before: in a
/// batch that was sent before, which shows in inserts that meet their documents.
async fn still_older(
    store: &MongoStore,
    batch: &[Update],
    mut changes: Vec<Operation>,
    ledger: &mut Ledger,
) -> Result<Vec<Operation>, Error> {
    let doubts = changes.iter().map(|change| (change.update, settle::Doubt::NotByUs)).collect();
    let mut found = settle::settle(store, batch, doubts).await?;
    found.retain(|(_, outcome)| !matches!(outcome, WriteOutcome::Retry(_)));
    ledger.note(found);
    changes.retain(|change| ledger.outcomes.get(change.update).is_some_and(Option::is_none));
    Ok(changes)
}

/// What is known of a batch.
struct Ledger {
    /// One place for each update.
    outcomes: Vec<Option<WriteOutcome>>,
    /// What a read is to settle.
    doubts: Vec<(usize, settle::Doubt)>,
}

impl Ledger {
    fn note(&mut self, news: impl IntoIterator<Item = (usize, WriteOutcome)>) {
        for (update, outcome) in news {
            if let Some(place) = self.outcomes.get_mut(update) {
                *place = Some(outcome);
            }
        }
    }

    fn sort(&mut self, update: usize, answer: Answer) {
        match answer {
            Answer::Done(outcome) => self.note([(update, outcome)]),
            Answer::Unmatched => self.doubts.push((update, settle::Doubt::NotByUs)),
            Answer::Unsure => self.doubts.push((update, settle::Doubt::PerhapsByUs)),
            // No change of a document is answered so.
            Answer::Exists => self.note([(update, Answer::lost())]),
        }
    }
}

/// What is to be sent to carry out the operations.
fn messages<'o>(
    store: &MongoStore,
    path: Path,
    inserts: &'o [Operation],
    changes: &'o [Operation],
) -> Vec<Message<'o>> {
    let server = &store.server;
    let inserts = message::split(inserts, message::Room::of_inserts(path, server));
    let changes = message::split(changes, message::Room::of_changes(path, server));
    inserts.into_iter().map(Message::Insert).chain(changes.into_iter().map(Message::Change)).collect()
}

fn count(outcomes: &[WriteOutcome]) {
    let of = |wanted: &WriteOutcome| outcomes.iter().filter(|outcome| *outcome == wanted).count() as u64;
    metrics::counter!("updraft_store_rows_written_total", "store" => "mongodb")
        .increment(of(&WriteOutcome::Written));
    metrics::counter!("updraft_store_stale_total", "store" => "mongodb").increment(of(&WriteOutcome::Stale));
}
