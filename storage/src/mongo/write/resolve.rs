//! What became of updates whose guard let nothing through, told by one read of what the store has.

use std::collections::HashMap;

use mongodb::bson::{Bson, RawDocument, doc};
use updraft_kernel::shared::fence::{Fence, fence};
use updraft_protocol::{ExecutionId, ExecutionUpdate, IdempotencyKey, Revision, Update};
use uuid::Uuid;

use super::command::round_trip;
use super::plan::address;
use crate::mongo::{EXECUTIONS, MongoStore, TASKS, document, error, read};
use crate::store::{Error, WriteOutcome, key_taken};

/// What the server said of an update before it is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Its command did not change its document.
    NotByUs,
    /// Its command changed some documents, this one perhaps.
    PerhapsByUs,
}

/// Looks up the documents of some updates of a batch and tells what became of each.
pub(super) async fn resolve(
    store: &MongoStore,
    batch: &[Update],
    doubts: Vec<(usize, Doubt)>,
) -> Result<Vec<(usize, WriteOutcome)>, Error> {
    let mut stored = HashMap::new();
    for collection in [EXECUTIONS, TASKS] {
        let places = doubts.iter().filter_map(|(at, _)| batch.get(*at)).map(address);
        let ids: Vec<_> = places.filter(|(place, _)| *place == collection).map(|(_, id)| id).collect();
        if !ids.is_empty() {
            stored_revisions(store, collection, ids, &mut stored).await?;
        }
    }
    let resolved = doubts.into_iter().filter_map(|(at, doubt)| {
        let update = batch.get(at)?;
        Some((at, verdict(update, stored.get(&address(update)).copied(), doubt)))
    });
    let mut resolved: Vec<_> = resolved.collect();
    for (at, outcome) in &mut resolved {
        if let (Some(Update::Execution(update)), WriteOutcome::Poison(reason)) = (batch.get(*at), outcome)
            && let Some(holder) = holder(store, update).await?
        {
            *reason = key_taken(holder);
        }
    }
    Ok(resolved)
}

/// The other execution that has the idempotency key of this one.
async fn holder(store: &MongoStore, update: &ExecutionUpdate) -> Result<Option<ExecutionId>, Error> {
    let Some(key) = update.head.as_ref().and_then(|head| IdempotencyKey::of(head)) else { return Ok(None) };
    round_trip();
    let holder = read::execution_by_key(store, &key).await?;
    Ok(holder.map(|holder| holder.peid).filter(|holder| *holder != update.peid))
}

/// What became of an update, given what the store has of its document after it was sent.
///
/// The very revision that was sent is there because this command put it there, or one before it that nobody
/// heard of. `update` says which of the two where it changed nothing or everything. Where it changed some, all that are
/// there count as written: they are in the store, and no reader could tell.
fn verdict(update: &Update, stored: Option<Option<Revision>>, doubt: Doubt) -> WriteOutcome {
    let headed = match update {
        Update::Execution(update) => update.head.is_some(),
        Update::Task(update) => update.head.is_some(),
    };
    let Some(stored) = stored else {
        // An insert met something, and yet there is no such document: it met another one in a unique index, ours or one that
        // somebody else has made.
        return WriteOutcome::Poison(if headed { error::key_taken() } else { "no such document".to_owned() });
    };
    let Some(stored) = stored else {
        return WriteOutcome::Poison("its document has no revision that can be read".to_owned());
    };
    match (fence(stored, update.revision()), doubt) {
        (Fence::Stale, _) | (Fence::Stored, Doubt::NotByUs) => WriteOutcome::Stale,
        (Fence::Stored, Doubt::PerhapsByUs) => WriteOutcome::Written,
        (Fence::Newer, _) => WriteOutcome::Retry("its document changed while it was written".to_owned()),
    }
}

/// What the store has of documents, from where they are written.
async fn stored_revisions(
    store: &MongoStore,
    collection: &'static str,
    ids: Vec<Uuid>,
    stored: &mut HashMap<(&'static str, Uuid), Option<Revision>>,
) -> Result<(), Error> {
    let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let ids: Vec<_> = ids.into_iter().map(|id| Bson::Binary(document::id(id))).collect();
    let documents = store.collection(collection);
    let asked = documents.find(doc! { "_id": { "$in": ids } }).projection(doc! { "epoch": 1, "seq": 1 });
    round_trip();
    // One batch of answers, and so one round trip.
    let mut answers = asked.batch_size(count.saturating_add(1)).await.map_err(error::store_error)?;
    while answers.advance().await.map_err(error::store_error)? {
        let document = answers.current();
        stored.insert((collection, document::own_id(collection, document)?), revision(document));
    }
    Ok(())
}

/// None where somebody else made the document, or made something else of it.
fn revision(document: &RawDocument) -> Option<Revision> {
    let part = |name: &str| {
        let part = document.get(name).ok().flatten().and_then(document::whole_number)?;
        u64::try_from(part).ok()
    };
    Some(Revision { epoch: part("epoch")?, seq: part("seq")? })
}

#[cfg(test)]
mod tests;
