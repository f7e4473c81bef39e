//! The outcome of updates whose guard did not match, from one read of the stored documents.

use std::collections::HashMap;

use mongodb::bson::{Bson, RawDocument, doc};
use updraft_kernel::shared::fence::{Fence, fence};
use updraft_protocol::{ExecutionId, ExecutionUpdate, IdempotencyKey, Revision, Update};
use uuid::Uuid;

use super::command::round_trip;
use super::plan::address;
use crate::mongo::{EXECUTIONS, MongoStore, TASKS, document, error, read};
use crate::store::{Error, WriteOutcome, key_taken};

/// The server's answer for an update before it is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Its command did not change its document.
    NotByUs,
    /// Its command changed some documents, perhaps this one.
    PerhapsByUs,
}

/// Looks up the documents of some updates of a batch and returns the outcome of each.
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

/// The outcome of an update, given the stored revision of its document after it was sent.
///
/// If the revision that was sent is stored, this command wrote it, or an earlier one whose answer was lost. `update`
/// tells which of the two if it changed nothing or everything. If it changed some, all of them count as written: they
/// are in the store, and no reader could see a difference.
fn verdict(update: &Update, stored: Option<Option<Revision>>, doubt: Doubt) -> WriteOutcome {
    let headed = match update {
        Update::Execution(update) => update.head.is_some(),
        Update::Task(update) => update.head.is_some(),
    };
    let Some(stored) = stored else {
        // An insert met a document, and yet there is none with its id: it met another one in a unique index, ours or
        // one of another program.
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

/// The stored revisions of documents, read from where they are written.
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

/// `None` if another program made or changed the document.
fn revision(document: &RawDocument) -> Option<Revision> {
    let part = |name: &str| {
        let part = document.get(name).ok().flatten().and_then(document::whole_number)?;
        u64::try_from(part).ok()
    };
    Some(Revision { epoch: part("epoch")?, seq: part("seq")? })
}

#[cfg(test)]
mod tests;
